"""The product: its services, and the checks before they are started."""

import asyncio
import errno
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..util.bytecode import bytecode_variables
from ..util.config import read_settings
from ..util.config.celery_config import uses_own_broker
from ..util.instance_folder import BROKER_FOLDER, InstanceLock
from ..util.log_once import LOG_ONCE_VARIABLE
from ..util.metrics_folder import VARIABLE as METRICS_FOLDER
from ..worker.retire import RETIRE
from . import commands, environment, schema
from .broker import EmbeddedBroker
from .errors import UsageError
from .log import Log
from .orphan_reaper import OrphanReaper
from .readiness import NotifySocket, broker_readiness
from .service import Service
from .supervisor import Supervisor
from .watch import changes

# Seconds that each service gets to stop; together less than 15. Running tasks may end in the
# first of the worker, then Celery is told to give tasks that have not begun back to the broker.
_MAINTENANCE_SECONDS = 2
_WEB_SECONDS = 3
_WORKER_SECONDS = 5
_WORKER_GIVE_BACK_SECONDS = 2
_BROKER_SECONDS = 2

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Options:
    """What can be asked for on the command line.

    Args:
        host: address that the web server listens on
        port: port of the web server, 0 for any free one
        instance: the instance folder, see :func:`.environment.instance_folder`
        workers: number of web processes
        concurrency: number of tasks at a time
        pool: how tasks run, see :func:`.commands.worker_pool`
        debug: whether the runner works in debug mode
    """

    host: str = "127.0.0.1"
    port: int = 5005
    instance: Path | None = None
    workers: int = 2
    concurrency: int = commands.default_concurrency()
    pool: str | None = None
    debug: bool = False


async def run(options: Options) -> None:
    """Start the product and keep it running until it is told to stop.

    Raises:
        RunnerError: it cannot be started; the text is one line with cause and fix
    """
    project = environment.project_folder()
    environment.load_environment(project)
    instance = environment.instance_folder(options.instance, project)
    options = replace(options, pool=commands.worker_pool(options.pool))
    os.chdir(project)  # relative paths of the configuration start there, for all services
    with ExitStack() as stack:
        lock = InstanceLock(instance)
        stack.callback(lock.close)
        # The reaper, too, is to be found by the name of the instance.
        os.environ[environment.INSTANCE_VARIABLE] = str(instance)
        server = stack.enter_context(_listen(options.host, options.port))
        settings = read_settings(instance, options.debug)
        log = Log(sys.stdout, in_json=settings["DEFAULT_LOG_FORMAT_STYLE"] == "json")
        log.line("run", f"instance folder: {instance}")
        broker = None
        if uses_own_broker(settings):
            broker = EmbeddedBroker(instance / BROKER_FOLDER)
        else:
            log.line("run", "using the broker of the configuration, starting none")
        # Sockets need short paths, which an instance folder may exceed.
        notify = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qhana-")))
        ready = [NotifySocket(notify / name) for name in ("worker", "web")]
        for each in ready:
            stack.callback(each.close)
        variables = {
            **environment.service_environment(
                instance, debug=options.debug, broker_url=broker.url if broker else None
            ),
            **bytecode_variables(instance, settings["PLUGIN_FOLDERS"]),
            LOG_ONCE_VARIABLE: str(notify / "logged"),
            METRICS_FOLDER: str(notify / "metrics"),
        }
        (notify / "metrics").mkdir()
        reaper = OrphanReaper(keep_open=[lock.fileno()])
        stack.callback(reaper.close)
        services: list[Service] = [
            *([_broker(broker)] if broker else []),
            *_database(settings, instance, variables),
            _worker(options, settings, broker, server, ready[0], variables),
            _web(options, server, ready[1], variables),
            *_background(settings, instance, broker, variables),
        ]
        url = _url(options.host, server)
        supervisor = Supervisor(
            services,
            log=log,
            reaper=reaper,
            on_ready=lambda: log.line("run", f"ready: {url}"),
            on_stop=server.close,
        )
        if options.debug:
            folders = [_PACKAGE, *map(Path, settings["PLUGIN_FOLDERS"])]
            watch = asyncio.create_task(_renew_on_change(supervisor, folders, log))
            stack.callback(watch.cancel)
        await supervisor.run()
        log.line("run", "everything has stopped")


async def _renew_on_change(supervisor: Supervisor, folders: list[Path], log: Log) -> None:
    """Start the services anew that have loaded source files, each time when some change."""
    renewing: asyncio.Task[None] | None = None
    try:
        async for names in changes(folders):
            log.line("run", f"{names} changed: starting web and worker anew")
            if renewing is not None:
                renewing.cancel()
            work = supervisor.renew(("worker", "web", "maintenance", "scheduler"))
            renewing = asyncio.create_task(work)
    except OSError as error:
        log.line("run", f"source files are not watched: {error}")


def _listen(host: str, port: int) -> socket.socket:
    """Open the socket of the web server.

    The launcher keeps it open, so that nobody else can take the port and requests wait
    for a web server that is restarted.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            text = f"port {port} of {host} is in use: choose another with --port"
        elif error.errno == errno.EACCES:
            text = f"port {port} needs more rights: choose one above 1023 with --port"
        else:
            text = f"{host} is not an address of this machine: choose another with --host"
        raise UsageError(text) from error


def _url(host: str, server: socket.socket) -> str:
    """Return the URL under which a browser on this machine finds the web server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{server.getsockname()[1]}/"


def _broker(broker: EmbeddedBroker) -> Service:
    return Service(
        name="broker",
        command=broker.command,
        readiness=partial(broker_readiness, broker.port, broker.password),
        first=True,
        stop=((signal.SIGTERM, _BROKER_SECONDS),),
    )


def _database(
    settings: Mapping[str, Any], instance: Path, variables: Mapping[str, str]
) -> list[Service]:
    if schema.is_current(settings["SQLALCHEMY_DATABASE_URI"], instance, variables):
        return []
    upgrade = commands.flask_command("db", "upgrade")
    return [Service("db", upgrade, variables, oneshot="database upgrade")]


def _worker(
    options: Options,
    settings: Mapping[str, Any],
    broker: EmbeddedBroker | None,
    server: socket.socket,
    ready: NotifySocket,
    variables: Mapping[str, str],
) -> Service:
    if settings["METRICS_PORT"]:  # what it shows itself the web server does not show, too
        variables = {n: v for n, v in variables.items() if n != METRICS_FOLDER}
    # Running tasks are ended, with the reason, before the worker is killed.
    task_seconds = min(float(settings["TASK_SHUTDOWN_SECONDS"]), _WORKER_SECONDS - 1.0)
    return Service(
        name="worker",
        command=commands.worker_command(
            concurrency=options.concurrency,
            pool=options.pool or "prefork",
            name=f"runner-{server.getsockname()[1]}@%h",
            alone=broker is not None,
        ),
        environment={
            **variables,
            "NOTIFY_SOCKET": str(ready.path),
            "TASK_SHUTDOWN_SECONDS": str(task_seconds),
        },
        readiness=ready.ready,
        retire=RETIRE,
        needs=("broker",),
        stop=(
            (signal.SIGTERM, _WORKER_SECONDS),
            (signal.SIGQUIT, _WORKER_GIVE_BACK_SECONDS),
        ),
    )


def _web(
    options: Options,
    server: socket.socket,
    ready: NotifySocket,
    variables: Mapping[str, str],
) -> Service:
    return Service(
        name="web",
        command=commands.web_command(
            bind=f"fd://{server.fileno()}",
            workers=options.workers,
            # When code has changed, requests that wait for a change of a task are finished.
            graceful_timeout=30 if options.debug else _WEB_SECONDS - 1,
        ),
        environment={
            **variables,
            "NOTIFY_SOCKET": str(ready.path),
            "MAINTENANCE": "off",
        },
        readiness=ready.ready,
        keep_open=(server.fileno(),),
        retire=signal.SIGTERM,
        overlaps=True,
        stop=((signal.SIGQUIT if options.debug else signal.SIGTERM, _WEB_SECONDS),),
    )


def _background(
    settings: Mapping[str, Any],
    instance: Path,
    broker: EmbeddedBroker | None,
    variables: Mapping[str, str],
) -> list[Service]:
    """Return the service that does what nobody has asked for: maintenance, periodic tasks.

    The latter not when other workers may share the broker: only one of them may do so.
    """
    schedule = ["--schedule", str(instance / "celerybeat-schedule")] if broker else []
    if settings["MAINTENANCE"]:
        name, command = "maintenance", commands.flask_command("maintenance", *schedule)
    elif schedule:
        name, command = "scheduler", commands.celery_command("beat", *schedule)
    else:
        return []
    stop = ((signal.SIGTERM, _MAINTENANCE_SECONDS),)
    # The port is the worker's; the web server shows what is counted here.
    variables = {**variables, "METRICS_PORT": "0"}
    return [Service(name, command, variables, last=True, stop=stop)]
