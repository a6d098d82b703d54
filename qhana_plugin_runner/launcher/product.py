"""The product: which parts there are, and what must be right before they are started."""

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..db.reachable import check_database
from ..util.config import CELERY_PRODUCTION_CONFIG, read_settings
from ..util.log_once import LOG_ONCE_VARIABLE
from . import commands, environment
from .answers import ReadySocket, broker_answers, local_host, web_answers, web_url
from .broker import EmbeddedBroker
from .errors import UsageError
from .guard import Guard
from .lock import InstanceLock
from .log import Log
from .part import Part, Step
from .supervisor import Supervisor
from .watch import changes

# Seconds that each part gets to stop; together less than 15. Running tasks may end in the
# first, then Celery is told to give the tasks that have not begun back to the broker.
_WEB_SECONDS = 3
_WORKER_SECONDS = 5
_WORKER_GIVE_BACK_SECONDS = 2
_BROKER_SECONDS = 2
_SCHEDULER_SECONDS = 1


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
    log = Log(sys.stdout)
    project = environment.project_folder()
    environment.load_environment(project)
    instance = environment.instance_folder(options.instance, project)
    options = replace(options, pool=commands.worker_pool(options.pool))
    os.chdir(project)  # relative paths of the configuration start there, for all parts
    with ExitStack() as stack:
        lock = InstanceLock(instance)
        stack.callback(lock.close)
        # The guard, too, is to be found by the name of the instance.
        os.environ[environment.INSTANCE_VARIABLE] = str(instance)
        server = stack.enter_context(_listen(options.host, options.port))
        log.line("run", f"instance folder: {instance}")
        settings = read_settings(instance, options.debug)
        check_database(settings["SQLALCHEMY_DATABASE_URI"], instance)
        broker = None
        if _uses_own_broker(settings):
            broker = EmbeddedBroker(instance / "broker")
        else:
            log.line("run", "using the broker of the configuration, starting none")
        ready = ReadySocket()
        stack.callback(ready.close)
        guard = Guard(keep_open=[lock.fileno()])
        stack.callback(guard.close)
        port = server.getsockname()[1]
        url = web_url(options.host, port)
        supervisor = Supervisor(
            _parts(options, settings, instance, broker, server, ready),
            log=log,
            guard=guard,
            on_ready=lambda: log.line("run", f"ready: {url}"),
            on_stop=server.close,
        )
        work = [supervisor.run()]
        if options.debug:
            folders = [_PACKAGE, *map(Path, settings["PLUGIN_FOLDERS"])]
            work.append(_restart_on_change(supervisor, folders, log))
        await _first_to_end(work)
        log.line("run", "everything has stopped")


async def _first_to_end(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Do several things until one of them ends, and raise what it raises."""
    tasks = [asyncio.create_task(each) for each in work]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    for task in done:
        task.result()


async def _restart_on_change(
    supervisor: Supervisor, folders: list[Path], log: Log
) -> None:
    """Start whatever has loaded source files anew each time when some have changed."""
    async for _change in changes(folders):
        log.line("run", "source files have changed: starting web and worker anew")
        await supervisor.restart(("worker", "scheduler", "web"))


def _uses_own_broker(settings: dict[str, Any]) -> bool:
    if os.environ.get("BROKER_URL"):
        return False
    default = CELERY_PRODUCTION_CONFIG["broker_url"]
    return bool(settings["CELERY"].get("broker_url", default) == default)


def _task_seconds(settings: dict[str, Any]) -> float:
    """Return how long running tasks may go on: they end, with the reason, before the worker."""
    return min(float(settings["TASK_SHUTDOWN_SECONDS"]), _WORKER_SECONDS - 1.0)


def _listen(host: str, port: int) -> socket.socket:
    """Open the socket of the web server.

    The launcher keeps it open, so that nobody else can take the port and requests wait
    for a web server that is started again.
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
            text = f"{host} is no address of this machine: choose another with --host"
        raise UsageError(text) from error


def _parts(
    options: Options,
    settings: dict[str, Any],
    instance: Path,
    broker: EmbeddedBroker | None,
    server: socket.socket,
    ready: ReadySocket,
) -> list[Part | Step]:
    """Return the parts in the order of their start."""
    parts: list[Part | Step] = []
    variables = environment.part_environment(
        instance, debug=options.debug, broker_url=broker.url if broker else None
    )
    variables = {**variables, LOG_ONCE_VARIABLE: str(ready.said)}
    port = server.getsockname()[1]
    if broker:
        parts.append(
            Part(
                name="broker",
                command=broker.command,
                answers=partial(broker_answers, broker.port, broker.password),
                first=True,
                stop=((signal.SIGTERM, _BROKER_SECONDS),),
            )
        )
    parts.append(
        Step(
            name="db",
            title="database upgrade",
            command=commands.upgrade_command(),
            environment=variables,
        )
    )
    # Of the workers that share a broker, only one may run the scheduler.
    schedule = instance / "celerybeat-schedule" if broker else None
    # It cannot run in a worker whose tasks are greenlets.
    stands_alone = schedule is not None and options.pool == "gevent"
    parts.append(
        Part(
            name="worker",
            command=commands.worker_command(
                concurrency=options.concurrency,
                pool=options.pool or "prefork",
                name=f"runner-{port}@%h",
                schedule=None if stands_alone else schedule,
                alone=broker is not None,
            ),
            environment={
                **variables,
                "NOTIFY_SOCKET": str(ready.path),
                "TASK_SHUTDOWN_SECONDS": str(_task_seconds(settings)),
            },
            answers=ready.told,
            needs=("broker",),
            stop=(
                (signal.SIGTERM, _WORKER_SECONDS),
                (signal.SIGQUIT, _WORKER_GIVE_BACK_SECONDS),
            ),
        )
    )
    if schedule is not None and stands_alone:
        parts.append(
            Part(
                name="scheduler",
                command=commands.scheduler_command(schedule),
                environment=variables,
                stop=((signal.SIGTERM, _SCHEDULER_SECONDS),),
            )
        )
    parts.append(
        Part(
            name="web",
            command=commands.web_command(
                bind=f"fd://{server.fileno()}",
                workers=options.workers,
                graceful_timeout=_WEB_SECONDS - 1,
            ),
            environment=variables,
            answers=partial(web_answers, local_host(options.host), port),
            keep_open=(server.fileno(),),
            stop=((signal.SIGTERM, _WEB_SECONDS),),
        )
    )
    return parts
