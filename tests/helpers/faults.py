"""A product with a plugin that makes trouble, and with intervals made short."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin
from uuid import uuid4

import requests
from celery import Celery
from helpers.processes import is_alive, wait_until
from helpers.product import CHECKOUT, Product
from redis import Redis

from qhana_plugin_runner.launcher.commands import web_command

HELPERS = Path(__file__).parent
PLUGINS = Path(__file__).parents[1] / "faults" / "plugins"

# Seconds. Much longer than anything takes here: a test that fails may take its time.
PATIENCE = 60

SHORT = {
    "TASK_HEARTBEAT_SECONDS": 0.2,
    "TASK_CHECK_SECONDS": 0.5,
    "TASK_CANCEL_GRACE_SECONDS": 0.5,
}

# For tests in which another process takes over the maintenance.
SHORT_LEASE = {**SHORT, "MAINTENANCE_LEASE_SECONDS": 1.5}


class Family(NamedTuple):
    """The processes that a task has started, and a temporary folder of the task."""

    pids: list[int]
    folder: Path

    def is_gone(self):
        return not any(map(is_alive, self.pids))


class Run:
    """A task that was started."""

    def __init__(self, url, gate):
        self.url, self.gate = url, gate
        self.id = int(url.rstrip("/").rpartition("/")[2])

    def status(self):
        answer = requests.get(self.url, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def first(self):
        """Return what comes before, of a task that was started ``after`` something."""
        return Run(self.url, self.gate.with_name(f"{self.gate.name}.first"))

    def let_go(self):
        self.gate.touch()

    def starts(self):
        """Return the processes that have begun with the work, one for each beginning."""
        marks = Path(f"{self.gate}.started")
        return [int(line) for line in marks.read_text().split()] if marks.exists() else []

    def wait_until_left(self):
        """Wait until the work was let go, and went on."""
        left = Path(f"{self.gate}.left")
        wait_until(left.exists, PATIENCE, f"{self.url} has left its gate")

    def end_computing(self):
        """Let a task go on that computes in C."""
        with open(f"{self.gate}.pipe", "wb"):
            pass

    def wait_until_started(self):
        wait_until(lambda: self.starts() != [], PATIENCE, f"{self.url} started")

    def family(self):
        """Wait until the task has started its processes, and return them, with its folder."""
        wait_until(Path(f"{self.gate}.child").exists, PATIENCE, "the task's processes")
        folder, *pids = Path(f"{self.gate}.facts").read_text().split("\n")
        return Family([int(pid) for pid in pids], Path(folder))

    def wait_for_state(self, *states):
        return self._wait_for(
            lambda status: status["state"] in states, f"one of {states}"
        )

    def ended(self):
        """Wait for the end, and return the status."""
        return self._wait_for(lambda status: status["status"] != "PENDING", "the end")

    def _wait_for(self, condition, what):
        """Wait for a condition of the status, and return the status."""
        seen = []

        def is_met():
            seen.append(self.status())
            return condition(seen[-1])

        try:
            wait_until(is_met, PATIENCE, what)
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen[-1]}") from None
        return seen[-1]

    def command(self, command, **details):
        return requests.post(self.url, json={"command": command, **details}, timeout=30)

    def cancel(self):
        return self.command("cancel")


def start(url, folder, path, what, how="chain", queue=None):
    """Send the form of the plugin for faults to a runner, and return the task."""
    gate = folder / uuid4().hex
    answer = requests.post(
        f"{url}plugins/trouble@v1-0-0/{path}",
        data={"what": what, "how": how, "gate": str(gate), "queue": queue},
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 303, answer.text
    return Run(urljoin(url, answer.headers["Location"]), gate)


class Site:
    """The product, in a folder of its own."""

    def __init__(self, folder, settings=SHORT, arguments=(), **environment):
        self.folder = folder
        instance = folder / "instance"
        instance.mkdir()
        (instance / "config.json").write_text(json.dumps(settings))
        environment.setdefault("PLUGIN_FOLDERS", str(PLUGINS))
        self.product = Product(
            instance, "--concurrency", "2", *arguments, environment=environment
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            print(self.product.log[-20_000:])
        self.product.__exit__(*error)

    def submit(self, what, how="chain", queue=None):
        return self._post("process/", what, how, queue)

    def step(self, run, what, how="chain"):
        """Send the input of the step for which a task waits."""
        return self._post(f"{run.id}/step/", what, how, None)

    def _post(self, path, what, how, queue):
        return start(self.product.url, self.folder, path, what, how, queue)

    def tasks(self, **query):
        """Return the tasks as they are listed, the newest first."""
        url = f"{self.product.url}tasks/"
        answer = requests.get(url, params=query, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["tasks"]

    def kill(self, part, number=signal.SIGKILL):
        """Kill the main process of a part, and wait until it has ended."""
        pid = self._process(part)
        os.kill(pid, number)
        wait_until(lambda: not is_alive(pid), PATIENCE, f"the end of {part}")

    def _process(self, part):
        """Return the main process of a part, which may be about to be started again."""
        wait_until(lambda: part in self.product.pids(), PATIENCE, f"{part} runs")
        return self.product.pids()[part][0]

    def answers(self, run):
        """Return whether the web server tells the status of a task."""
        try:
            return requests.get(run.url, timeout=30).status_code == 200
        except requests.ConnectionError:
            return False

    def environment(self):
        """Return the environment variables with which the worker was started."""
        return dict(self._environment)

    @cached_property
    def _environment(self):
        pid = self._process("worker")
        pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return dict(os.fsdecode(pair).split("=", 1) for pair in pairs if pair)

    def broker(self):
        """Return a client of the broker."""
        return Redis.from_url(self.environment()["BROKER_URL"], decode_responses=True)

    def wait_until_looked(self, times=4):
        """Wait until the runner has looked for lost tasks so many times.

        Each look asks for the workers when some task is under way, so there is one. Nothing
        may be sent meanwhile.
        """
        other = self.submit("wait")
        other.wait_until_started()
        with self.broker() as broker:

            def looks():
                known = broker.info("commandstats").get("cmdstat_smembers", {})
                return known.get("calls", 0)

            enough = looks() + times
            wait_until(lambda: looks() >= enough, PATIENCE, f"{times} looks")
        other.let_go()
        assert other.ended()["state"] == "succeeded"

    def wait_until_put_off(self):
        """Wait until a worker keeps a message for later, which it has not confirmed."""
        with self.broker() as broker:

            def is_put_off():
                kept = broker.hvals("unacked")
                return any(json.loads(text)[0]["headers"]["eta"] for text in kept)

            wait_until(is_put_off, PATIENCE, "a message is kept for later")

    def wait_until_silent(self):
        """Wait until a worker gives no sign but its open connection."""
        with self.broker() as broker:

            def is_silent():
                workers = broker.smembers("qhana:workers")
                return any(not broker.exists(f"qhana:worker:{w}:alive") for w in workers)

            wait_until(is_silent, PATIENCE, "a worker is silent")

    @contextmanager
    def consuming(self, *queues):
        """Let the worker of the product take messages from further queues, too."""
        url = self.environment()["BROKER_URL"]
        with Celery(broker=url, set_as_current=False) as celery:
            for queue in queues:
                assert celery.control.add_consumer(
                    queue, reply=True, timeout=PATIENCE, limit=1
                )
            yield
            for queue in queues:
                assert celery.control.cancel_consumer(
                    queue, reply=True, timeout=PATIENCE, limit=1
                )

    @contextmanager
    def worker(self, *arguments, hours=0, **environment):
        """Run another worker; yield its process, and its log, when it takes tasks.

        Args:
            arguments: of its command
            hours: by which its clock is ahead of the others
            environment: further environment variables
        """
        program = ["celery"]
        if hours:
            program = ["helpers.clock", str(hours)]
            environment["PYTHONPATH"] = str(HELPERS.parent)
        command = [sys.executable, "-m", *program, "--app"]
        command += ["qhana_plugin_runner.celery_worker:CELERY", "worker", *arguments]
        command += ["--hostname", uuid4().hex, "--loglevel", "INFO"]
        with self.running(command, environment) as (process, log):
            yield wait_until_said(process, log, " ready.")

    @contextmanager
    def web(self, port, **environment):
        """Run another web server, with one process; yield it, and its log, when it answers."""
        command = web_command(bind=f"127.0.0.1:{port}", workers=1)
        with self.running(command, environment) as (process, log):
            yield wait_until_said(process, log, "Booting worker")

    @contextmanager
    def running(self, command, environment):
        """Run a command with the settings of the product; yield its process, and its log."""
        environment = {**self.environment(), **environment}
        environment.pop("NOTIFY_SOCKET", None)
        with running(command, self.folder, environment) as started:
            yield started


@contextmanager
def running(command, folder, environment, cwd=CHECKOUT):
    """Run a command in a session of its own; yield its process, and its log."""
    log = folder / f"{uuid4().hex}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=file,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
    try:
        yield process, log
    except BaseException:
        print(log.read_text()[-20_000:])
        raise
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_said(process, log, text):
    """Wait for a text in the log of a process; return both."""

    def is_said():
        assert process.poll() is None, log.read_text()
        return text in log.read_text()

    wait_until(is_said, PATIENCE, text)
    return process, log
