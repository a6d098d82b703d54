"""The clients of ``benchmarks.scale``, the receiver of their webhooks, and what they have seen."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import parse_qs, urlsplit

import requests

PROCESS = "/plugins/scale-work@v1-0-0/process/"
CLIENTS = 4
WINDOW = 25
"""Tasks that a client has under way at a time."""

BUSY_EVERY = 50
"""Every so-manieth call of a webhook is answered with 503, so that it has to be made again."""

GIVE_UP_SECONDS = 600
"""A request that fails for so long, or a run in which nothing ends for so long, is a fault."""


@dataclass
class Submitted:
    """A task, as its client knows it.

    Attributes:
        token: what the client has sent
        repeats: whether lost work is done again
        path: of the task
        ends: each end that the client has seen: status, state, time
        text: of the only result; that of the log when the task has failed
        outputs: how many results there are
        subscribed: whether a webhook was subscribed before the client saw the end
    """

    token: str
    repeats: bool
    path: str
    ends: set[tuple[str, str, str]] = field(default_factory=set)
    text: str = ""
    outputs: int = 0
    subscribed: bool = False

    @property
    def id(self) -> int:
        """The number of the task."""
        return int(self.path.rstrip("/").rpartition("/")[2])


class Receiver:
    """Takes the calls of webhooks on loopback; use it in a ``with`` block.

    Attributes:
        calls: how often the webhook of each token was called, with the id of the task
    """

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()
        self._count = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.send_response(receiver.called(self.path))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def called(self, path: str) -> int:
        """Note a call, and return the status of the answer."""
        query = {
            name: values[0] for name, values in parse_qs(urlsplit(path).query).items()
        }
        number = int(urlsplit(query["source"]).path.rstrip("/").rpartition("/")[2])
        with self._lock:
            self._count += 1
            if self._count % BUSY_EVERY == 0:
                return 503
            self.calls[query["token"], number] += 1
        return 204

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Client(threading.Thread):
    """Submits tasks, subscribes to each, and looks at them until they have ended.

    Attributes:
        tasks: those whose submit was answered with a redirect
        counts: of what happened to its requests
        error: what has ended it too early
    """

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        receiver: Receiver,
        count: int,
        random: Random,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._urls, self._receiver, self._count = urls, receiver, count
        self._random = random
        self._session = requests.Session()
        self._session.trust_env = False
        self.tasks: list[Submitted] = []
        self.ended = 0
        self.counts: Counter[str] = Counter()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.error = error

    def _work(self) -> None:
        open_: deque[Submitted] = deque()
        while open_ or len(self.tasks) < self._count:
            if len(self.tasks) < self._count and len(open_) < WINDOW:
                self.tasks.append(self._submit())
                open_.append(self.tasks[-1])
                self._subscribe(self.tasks[-1])
                continue
            task = open_.popleft()
            if self._has_ended(task):
                self.ended += 1
            else:
                open_.append(task)

    def _request(
        self, method: str, path: str, what: str, **options: object
    ) -> requests.Response:
        """Send a request to one of the servers, and to another one as long as none answers."""
        url = self._random.choice(self._urls)
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            self.counts[f"{what}"] += 1
            try:
                answer = self._session.request(
                    method,
                    url + path,
                    timeout=60,
                    allow_redirects=False,
                    **options,  # type: ignore[arg-type]
                )
                if answer.status_code < 500:
                    return answer
                self.counts[f"{what}: {answer.status_code}"] += 1
            except requests.ConnectionError as error:
                refused = "refused" in str(error)
                self.counts[f"{what}: {'refused' if refused else 'cut off'}"] += 1
            except requests.RequestException as error:
                self.counts[f"{what}: {type(error).__name__}"] += 1
            url = self._urls[(self._urls.index(url) + 1) % len(self._urls)]
            time.sleep(0.1)
        raise AssertionError(f"{method} {path}: no answer")

    def _submit(self) -> Submitted:
        token = f"{self.name}-{len(self.tasks)}"
        repeats = self._random.random() < 0.5
        seconds = self._random.choice((0.0, 0.02, 0.1))
        form = {"token": token, "repeats": str(repeats), "seconds": str(seconds)}
        answer = self._request("POST", PROCESS, "submit", data=form)
        if answer.status_code != 303:
            raise AssertionError(f"submit: {answer.status_code} {answer.text}")
        return Submitted(token, repeats, urlsplit(answer.headers["Location"]).path)

    def _subscribe(self, task: Submitted) -> None:
        command = {
            "command": "subscribe",
            "webhookHref": f"{self._receiver.url}?token={task.token}",
            "event": "status",
        }
        answer = self._request("POST", task.path, "subscribe", json=command)
        if answer.status_code >= 300:
            raise AssertionError(f"subscribe: {answer.status_code} {answer.text}")
        # It may have ended before: then nobody is called.
        task.subscribed = not self._look(task)

    def _look(self, task: Submitted, **headers: str) -> dict[str, object]:
        """Return the status of a task that has ended; empty before."""
        answer = self._request("GET", task.path, "status", headers=headers)
        if answer.status_code != 200:
            raise AssertionError(f"{task.path}: {answer.status_code} {answer.text}")
        status: dict[str, object] = answer.json()
        if status["status"] == "PENDING":
            return {}
        task.ends.add(_end_of(status))
        return status

    def _has_ended(self, task: Submitted) -> bool:
        status = self._look(task, Prefer="wait=1")
        if not status:
            return False
        outputs = status.get("outputs") or []
        assert isinstance(outputs, list)
        task.outputs = len(outputs)
        if status["status"] != "SUCCESS":
            task.text = str(status.get("log"))
        elif outputs:
            task.text = self._download(urlsplit(outputs[0]["href"]))
        return True

    def _download(self, href: object) -> str:
        path = f"{href.path}?{href.query}"  # type: ignore[attr-defined]
        return self._request("GET", path, "download").text

    def all_ends(self) -> dict[int, tuple[str, str, str]]:
        """Return the end of each task of the runner, as the list of tasks tells it."""
        ends = {}
        path = "/tasks/?limit=100"
        while path:
            page = self._request("GET", path, "list").json()
            for task in page["tasks"]:
                ends[task["id"]] = _end_of(task)
            more = [link["href"] for link in page["links"] if link["type"] == "next"]
            path = more[0].partition("/tasks/")[2] if more else ""
            path = f"/tasks/{path}" if path else ""
        return ends


def _end_of(task: Mapping[str, object]) -> tuple[str, str, str]:
    status, state, at = (str(task.get(n)) for n in ("status", "state", "finishedAt"))
    return status, state, at


def run_clients(
    urls: Sequence[str],
    receiver: Receiver,
    tasks: int,
    seed: int,
    on_progress: Callable[[int], None],
) -> list[Client]:
    """Have clients submit so many tasks, and wait until all of them have ended.

    Args:
        urls: of the web servers
        receiver: of webhooks
        tasks: how many
        seed: of what each client sends
        on_progress: called again and again with the number of tasks that have ended

    Raises:
        AssertionError: a client has got a wrong answer, or nothing ends any more
    """
    clients = [
        Client(
            f"c{number}",
            urls,
            receiver,
            tasks // CLIENTS + (number < tasks % CLIENTS),
            Random(f"{seed}-{number}"),
        )
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    last, since = -1, time.monotonic()
    while any(client.is_alive() for client in clients):
        time.sleep(0.1)
        ended = sum(client.ended for client in clients)
        on_progress(ended)
        if ended != last:
            last, since = ended, time.monotonic()
        if time.monotonic() - since > GIVE_UP_SECONDS:
            raise AssertionError(f"nothing ends any more after {ended} tasks")
        for client in clients:
            if client.error is not None:
                raise client.error
    if errors := [client.error for client in clients if client.error is not None]:
        raise errors[0]
    ends = clients[0].all_ends()  # what has ended does not change
    for task in (task for client in clients for task in client.tasks):
        task.ends.add(ends[task.id])
    return clients
