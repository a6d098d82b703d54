"""What the runner adds to a Celery worker: a bootstep, and receivers of Celery's signals."""

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from celery import bootsteps
from celery.apps import worker
from celery.concurrency.solo import TaskPool as SoloPool
from celery.signals import (
    celeryd_after_setup,
    task_revoked,
    task_unknown,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
    worker_shutting_down,
)

from ..celery import CELERY
from ..db import DB
from ..tasking import console
from ..tasking.broker import in_flight, wait_for_broker
from ..tasking.limits import use_memory_limit
from ..tasking.temp_files import remove_abandoned, use_folders
from ..util.config.paths import absolute_environment
from ..util.json_lines import json_line, rfc3339
from ..util.logging import JSON
from .children import ParentPool, allow_children, become_parent, end_children
from .forks import fork_between_transactions
from .monitor import Monitor, has_processes
from .retire import retire_on_signal

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>

_logger = logging.getLogger(__name__)


class Supervision(bootsteps.StartStopStep):
    """Starts the thread when the pool has its processes."""

    requires = ("celery.worker.components:Pool",)
    process: int | None = None

    def create(self, parent: Any) -> None:
        app = CELERY.flask_app
        if has_processes(parent) and app is not None:
            parent.pool.Pool = ParentPool
            with app.app_context():
                fork_between_transactions(list(DB.engines.values()))

    def start(self, parent: Any) -> None:
        app = CELERY.flask_app
        assert app is not None  # made by the module that Celery has loaded
        remove_abandoned()
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and isinstance(parent.pool, SoloPool):
            use_folders(app.config["TASK_WORKING_FOLDER"])
        registry = in_flight(app)
        if registry is None:
            _logger.warning("tasks are not supervised: the broker is not a Redis server")
            return
        Monitor.current = Monitor(app, registry, parent)
        Monitor.current.start()


@celeryd_after_setup.connect
def _say_in_json(instance: Any, **_kwargs: Any) -> None:
    """Let Celery write no banner, and what it says when it is stopped as lines of the log."""
    app = CELERY.flask_app
    if app is not None and app.config["DEFAULT_LOG_FORMAT_STYLE"] == JSON:
        instance.quiet = True
        worker.safe_say = _say


def _say(text: str, *_stream: object) -> None:
    # In a handler of a signal: the code that it interrupts may hold the locks of the log.
    fields = {"timestamp": rfc3339(time.time()), "level": "INFO", "logger": "celery"}
    line = json_line({**fields, "message": text, "process": os.getpid()})
    with suppress(OSError):
        os.write(sys.__stderr__.fileno(), f"{line}\n".encode())  # type: ignore[union-attr]


@worker_init.connect
def _worker_begins(**_kwargs: Any) -> None:
    """What a worker has to say is about work that is done: it tries longer than a web request."""
    Supervision.process = os.getpid()
    retire_on_signal()
    if CELERY.flask_app is not None:
        wait_for_broker(CELERY.flask_app)
        config = CELERY.flask_app.config
        config["PLUGIN_FOLDERS"] = list(map(os.path.abspath, config["PLUGIN_FOLDERS"]))
        absolute_environment(os.environ)
        allow_children(config["PLUGIN_FOLDERS"])
    CELERY.conf.task_publish_retry_policy = {
        "max_retries": 60,
        "interval_start": 0.1,
        "interval_step": 0.2,
        "interval_max": 2.0,
    }


def _end_with_parent() -> None:
    """Let the kernel end this process when the worker dies: what it does is lost then anyway."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@worker_process_init.connect
def _own_process(**_kwargs: Any) -> None:
    """Prepare a process of the pool, which has inherited from the main process."""
    app, monitor = CELERY.flask_app, Monitor.current
    if app is None or os.getpid() == Supervision.process:
        return  # the pool has no processes
    use_folders(app.config["TASK_WORKING_FOLDER"])
    console.own_process()
    use_memory_limit(app.config["TASK_MAX_MEMORY_BYTES"])
    _end_with_parent()
    become_parent()
    if monitor is not None:
        monitor.close_in_child()
    with app.app_context():
        for engine in DB.engines.values():
            engine.dispose(close=False)


@worker_process_shutdown.connect
def _process_ends(**_kwargs: Any) -> None:
    if os.getpid() != Supervision.process:
        end_children()


@task_revoked.connect
def _revoked(request: Any, expired: bool, **_kwargs: Any) -> None:
    reason = "its message was not begun in the time that it had" if expired else "revoked"
    if Monitor.current is not None:
        Monitor.current.dropped(request, f"Task failed: {reason}.")


@task_unknown.connect
def _unknown(message: Any, name: str, **_kwargs: Any) -> None:
    reason = (
        f"Task failed: no worker knows {name!r}. Restart the worker, with the same plugins as "
        "the web server."
    )
    if Monitor.current is not None:
        Monitor.current.dropped(message.headers, reason)


@worker_shutting_down.connect
def _shutting_down(**_kwargs: Any) -> None:
    if Monitor.current is not None and CELERY.flask_app is not None:
        Monitor.current.drain(CELERY.flask_app.config["TASK_SHUTDOWN_SECONDS"])


@worker_shutdown.connect
def _ended(**_kwargs: Any) -> None:
    if Monitor.current is not None:
        Monitor.current.stop()
