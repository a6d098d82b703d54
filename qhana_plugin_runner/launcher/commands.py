"""The command line of each service, for the launcher and for the tasks of invoke alike."""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from .errors import UsageError

POOLS = ("prefork", "threads", "gevent", "solo")
"""The kinds of pools of a worker: how it runs several tasks at a time."""

# Each process holds all plugins in memory: a big machine gets no more than this unasked.
_MAX_PROCESSES = 8

# Seconds of silence after which gunicorn takes a process for dead: what plugins do in a
# request may keep all threads from running for a while.
_WEB_TIMEOUT = 180


def default_concurrency() -> int:
    """Return how many tasks a worker runs at a time unless told otherwise."""
    return min(os.cpu_count() or 1, _MAX_PROCESSES)


def worker_pool(given: str | None = None) -> str:
    """Return the pool that was asked for, else the one that ``CELERY_WORKER_POOL`` names.

    Raises:
        UsageError: there is no such pool, or it needs a package that is not installed
    """
    pool = given or os.environ.get("CELERY_WORKER_POOL") or "prefork"
    if pool not in POOLS:
        raise UsageError(f"there is no pool {pool!r}: choose one of {', '.join(POOLS)}")
    if pool == "gevent" and find_spec("gevent") is None:
        raise UsageError(
            "the pool gevent needs a package that is not installed: install it "
            f"({sys.executable} -m pip install gevent), or choose another pool"
        )
    return pool


def celery_command(*arguments: str) -> list[str]:
    """Return a command of Celery for the runner's app."""
    app = "qhana_plugin_runner.celery_worker:CELERY"
    return [sys.executable, "-m", "celery", "--app", app, *arguments]


def worker_command(
    *,
    concurrency: int | None = None,
    pool: str = "prefork",
    queues: Sequence[str] = (),
    log_level: str = "INFO",
    name: str | None = None,
    schedule: Path | None = None,
    alone: bool = False,
) -> list[str]:
    """Return the command that runs a worker.

    Args:
        concurrency: tasks at a time (default: number of processors, at most 8)
        pool: one of ``POOLS``
        queues: names of the queues to work on (default: that of the configuration)
        log_level: name of the lowest level that is logged
        name: node name in Celery's notation, ``%h`` stands for the host
        schedule: file of the periodic scheduler; when given, it runs in the worker
        alone: there is no other worker, so that Celery need not look for them
    """
    command = celery_command("worker", "--pool", pool, "--loglevel", log_level.upper())
    command += ["--concurrency", str(concurrency or default_concurrency())]
    command += ["--include", "qhana_plugin_runner.launcher.worker_ready"]
    # Else each worker reads the heartbeats of all others, for elections that the runner has none of.
    command += ["--without-gossip"]
    if queues:
        command += ["--queues", ",".join(queues)]
    if name:
        command += ["--hostname", name]
    if schedule:
        command += ["--beat", "--schedule", str(schedule)]
    if alone:
        command += ["--without-mingle"]
    return command


def web_command(
    *,
    bind: str,
    workers: int = 2,
    threads: int = 8,
    graceful_timeout: int = 30,
    log_level: str = "info",
    access_log: bool = False,
) -> list[str]:
    """Return the command that runs the web server.

    Args:
        bind: ``host:port``, or ``fd://N`` for a socket that is open already
        workers: number of processes
        threads: requests at a time in each process
        graceful_timeout: seconds that running requests get when the server is stopped
        log_level: name of the lowest level that is logged
        access_log: write a line for each request
    """
    command = [sys.executable, "-m", "gunicorn", "--bind", bind]
    command += ["--config", "python:qhana_plugin_runner.launcher.gunicorn_config"]
    command += ["--worker-class", "qhana_plugin_runner.launcher.web_worker.WebWorker"]
    command += ["--workers", str(workers), "--threads", str(threads)]
    command += ["--timeout", str(_WEB_TIMEOUT)]
    command += ["--graceful-timeout", str(graceful_timeout)]
    command += ["--log-level", log_level.lower(), "--no-control-socket"]
    # Forms are filled by their query. More than this, gunicorn does not allow.
    command += ["--limit-request-line", "8190"]
    # The setting REVERSE_PROXY_COUNT says who is believed; gunicorn by itself would believe
    # any proxy on this machine.
    command += ["--forwarded-allow-ips", ""]
    if access_log:
        command += ["--access-logfile", "-"]
    return [*command, "qhana_plugin_runner:create_app()"]


def flask_command(*arguments: str) -> list[str]:
    """Return a command of ``flask`` for the runner's app."""
    return [sys.executable, "-m", "flask", "--app", "qhana_plugin_runner", *arguments]
