"""The whole product as a process of its own, for tests from end to end."""

import atexit
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from flask_migrate import upgrade
from helpers.processes import is_alive, wait_until
from helpers.runner import runner

CHECKOUT = Path(__file__).resolve().parents[2]

# Limits after which a test gives up. A start takes some 5 s when the machine is idle.
START_SECONDS = 90
STOP_SECONDS = 15

# What would make the product use something outside the test.
_OUTER_VARIABLES = (
    "BROKER_URL",
    "RESULT_BACKEND",
    "CELERY_QUEUE",
    "CELERY_WORKER_POOL",
    "SQLALCHEMY_DATABASE_URI",
    "PLUGIN_FOLDERS",
    "SERVER_NAME",
    "REVERSE_PROXY_COUNT",
    "PLUGIN_REGISTRY_URL",
    "DEFAULT_FILE_STORE",
    "PYTHON",
    "QHANA_PLUGIN_RUNNER_SETTINGS",
    "QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER",
)


def outside_environment(**variables: str) -> dict[str, str]:
    """Return the variables of this process without those that configure a runner."""
    kept = {name: v for name, v in os.environ.items() if name not in _OUTER_VARIABLES}
    return {**kept, **variables}


@cache
def _upgraded() -> Path:
    """Return an empty database with the newest tables: half of a first start."""
    folder = Path(mkdtemp(prefix="upgraded-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = folder / "qhana_plugin_runner.db"
    settings = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{database}", "PLUGIN_FOLDERS": []}
    with runner(folder, tables=False, **settings) as app, app.app_context():
        upgrade()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database


class Product:
    """A running product; use it in a ``with`` block.

    Args:
        instance: the instance folder
        arguments: further arguments of ``run``
        environment: further environment variables
        port: port of the web server (default: any free one)
        first: let it make its database itself, as on the first start at an installation
    """

    def __init__(
        self,
        instance: Path,
        *arguments: str,
        environment: dict[str, str] | None = None,
        port: int = 0,
        first: bool = False,
    ) -> None:
        self.instance = instance.resolve()
        self.url = ""
        self._sessions: set[int] = set()
        # Into a file: a pipe fills up while a test does other things than reading it.
        instance.parent.mkdir(parents=True, exist_ok=True)
        database = instance / "qhana_plugin_runner.db"
        if not (first or database.exists()):
            instance.mkdir(exist_ok=True)
            shutil.copy(_upgraded(), database)
        self._log_path = instance.with_name(f"{instance.name}.log")
        command = [sys.executable, "-m", "qhana_plugin_runner", "run"]
        command += ["--port", str(port), "--instance", str(self.instance), *arguments]
        with self._log_path.open("ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=outside_environment(**(environment or {})),
                cwd=CHECKOUT,
            )
        try:
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> "Product":
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is not None:
            self.kill()
        elif self.process.returncode is None:
            self.stop()

    @property
    def log(self) -> str:
        """All that this start of the product has written so far."""
        with self._log_path.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode("utf-8", "replace")

    def wait_until_ready(self, times: int = 1, seconds: float = START_SECONDS) -> None:
        """Wait until the product has said for the so-manieth time that it is ready."""

        def is_ready() -> bool:
            assert self.process.poll() is None, f"the product has ended:\n{self.log}"
            return len(self._ready_urls()) >= times

        try:
            wait_until(is_ready, seconds, f"ready {times} times")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log}") from None
        self.url = self._ready_urls()[-1]

    def times_ready(self) -> int:
        """Return how often the product has said that it is ready."""
        return len(self._ready_urls())

    def pids(self) -> dict[str, list[int]]:
        """Return the living processes of each part, first the one that was started."""
        leaders = re.findall(r"started (\w+) \(process (\d+)\)", self.log)
        self._sessions |= {int(pid) for _, pid in leaders}
        members: dict[int, list[int]] = {}
        for pid, session in _sessions():
            members.setdefault(session, []).append(pid)
        parts: dict[str, list[int]] = {}
        for name, leader in ((name, int(pid)) for name, pid in leaders):
            if leader in members:
                parts[name] = sorted(sorted(members[leader]), key=leader.__ne__)
        return parts

    def remaining(self) -> list[int]:
        """Return all living processes that belong to this instance, found in any way."""
        self.pids()
        mark = os.fsencode(self.instance)
        return [
            pid
            for pid, session in _sessions()
            if session in self._sessions
            or pid == self.process.pid
            or _mentions(pid, mark)
        ]

    def stop(self) -> None:
        """Stop the product as a service manager does; no process may be left.

        Raises:
            AssertionError: it took longer than 15 s, failed, or left a process
        """
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            log = self.log
            self.kill()
            raise AssertionError(f"not stopped within {STOP_SECONDS} s:\n{log}") from None
        left = self.remaining()
        assert not left, f"processes {left} are left:\n{self.log}"
        assert status == 0, f"exit status {status}:\n{self.log}"

    def kill(self) -> None:
        """Kill the launcher, and wait until all the rest has gone with it."""
        self.process.kill()
        self.process.wait()
        wait_until(lambda: not self.remaining(), STOP_SECONDS, "all processes gone")

    def _ready_urls(self) -> list[str]:
        return re.findall(r"ready: (http\S+/)\n", self.log)


def _sessions() -> list[tuple[int, int]]:
    """Return number and session of all living processes."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and is_alive(int(entry)):
            try:
                found.append((int(entry), os.getsid(int(entry))))
            except ProcessLookupError:
                continue
    return found


def _mentions(pid: int, mark: bytes) -> bool:
    """Whether the text is in a process's arguments, environment or working directory."""
    folder = Path(f"/proc/{pid}")
    try:
        words = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        return mark in words + os.fsencode(os.readlink(folder / "cwd"))
    except OSError:
        return False  # it has just ended, or belongs to somebody else
