"""Clients that work all the time, while servers come and go."""

import threading
from collections import Counter
from itertools import count
from urllib.parse import urljoin
from uuid import uuid4

import requests
from helpers.faults import PATIENCE, Run
from helpers.processes import wait_until
from urllib3.exceptions import NewConnectionError

CLIENTS, PAUSE = 2, 0.2


class Load:
    """Clients that submit tasks, and one that waits for a change of a task that does not end.

    They do what load balancers do, and nothing else, when a web server is away: they ask another
    one when no connection was made. Use it in a ``with`` block.

    Args:
        folder: for the marks of tasks
        urls: of the web servers; it may change
        watched: the task that does not end

    Attributes:
        runs: the tasks that were submitted
        answers: how many there were of each status code
        refused: how often no connection was made
        errors: all else that has happened
    """

    def __init__(self, folder, urls, watched):
        self.runs, self.answers, self.refused, self.errors = [], Counter(), 0, []
        self._folder, self._urls, self._watched = folder, urls, watched
        self._is_over = threading.Event()
        self._turn = count()
        work = [self._submit] * CLIENTS + [self._wait]
        self._threads = [threading.Thread(target=self._repeat, args=[w]) for w in work]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def go_on(self):
        """Wait until more tasks are submitted."""
        enough = len(self.runs) + 3 * CLIENTS
        is_enough = lambda: len(self.runs) >= enough or self.errors  # noqa: E731
        wait_until(is_enough, PATIENCE, "tasks are submitted")

    def assert_nothing_lost(self):
        """Wait for the ends; each request was answered, each task is done, and done once."""
        assert not self.errors, self.errors
        assert self.answers.keys() <= {200, 303, 304}
        submitted, ids = self.answers[303], {run.id for run in self.runs}
        ends = Counter(run.ended()["state"] for run in self.runs)
        print(f"{submitted=}, {dict(ends)}, {dict(self.answers)}, refused={self.refused}")
        assert submitted == len(ids) == len(self.runs)
        assert ends == {"succeeded": submitted}
        assert all(len(run.starts()) == 1 for run in self.runs)

    def _repeat(self, work):
        while not self._is_over.wait(PAUSE):
            try:
                work()
            except Exception as error:
                self.errors.append(error)

    def _submit(self):
        gate = self._folder / uuid4().hex
        data = {"what": "greet", "gate": str(gate)}
        path = "plugins/trouble@v1-0-0/process/"
        answer = self._ask("POST", path, data=data, allow_redirects=False)
        self.runs.append(Run(urljoin(answer.url, answer.headers["Location"]), gate))

    def _wait(self):
        path = f"tasks/{self._watched.id}/"
        tag = self._ask("GET", path).headers["ETag"]
        self._ask("GET", path, headers={"Prefer": "wait=5", "If-None-Match": tag})

    def _ask(self, method, path, **options):
        urls, turn = list(self._urls), next(self._turn)
        for number in range(turn, turn + len(urls)):
            url = urls[number % len(urls)]
            try:
                answer = requests.request(method, f"{url}{path}", timeout=60, **options)
            except requests.ConnectionError as error:
                if not isinstance(
                    getattr(error.args[0], "reason", 0), NewConnectionError
                ):
                    raise
                self.refused += 1
                continue
            self.answers[answer.status_code] += 1
            return answer
        raise AssertionError("no web server takes connections")
