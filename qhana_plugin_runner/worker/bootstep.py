"""What the supervision adds to a Celery worker: a bootstep, and answers to Celery's signals."""

import ctypes
import logging
import os
import signal
import sys
from typing import Any

from billiard.exceptions import Terminated, TimeLimitExceeded, WorkerLostError
from celery import bootsteps
from celery.signals import (
    task_failure,
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
from ..tasking.broker import be_patient, ledger
from ..tasking.messages import OWNER, TOKEN
from ..tasking.temp_files import remove_abandoned, use_folders
from .children import ParentPool, allow_children, become_parent, end_children
from .forks import fork_between_transactions
from .monitor import Keeper, has_processes, token_of
from .request import SupervisedRequest

__all__ = ["Supervision"]

_KILLED = (WorkerLostError, Terminated)
"""What Celery says of a task whose process was ended, in the main process."""

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>

_logger = logging.getLogger(__name__)


class Supervision(bootsteps.StartStopStep):
    """Starts the thread when the pool has its processes."""

    requires = ("celery.worker.components:Pool",)
    keeper: Keeper | None = None
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
        known = ledger(app)
        if known is None:
            _logger.warning("tasks are not supervised: the broker is no Redis server")
            return
        Supervision.keeper = Keeper(app, known, parent)
        Supervision.keeper.start()


@worker_init.connect
def _wait_for_broker(**_kwargs: Any) -> None:
    """What a worker has to say is about work that is done: it tries longer than a web request."""
    Supervision.process = os.getpid()
    if CELERY.flask_app is not None:
        be_patient(CELERY.flask_app)
        allow_children(CELERY.flask_app.config["PLUGIN_FOLDERS"])
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
    app, keeper = CELERY.flask_app, Supervision.keeper
    if app is None or os.getpid() == Supervision.process:
        return  # the pool has no processes
    use_folders()
    _end_with_parent()
    become_parent()
    if keeper is not None:
        keeper.close_in_child()
    with app.app_context():
        for engine in DB.engines.values():
            engine.dispose(close=False)


@worker_process_shutdown.connect
def _process_ends(**_kwargs: Any) -> None:
    if os.getpid() != Supervision.process:
        end_children()


@task_failure.connect
def _process_lost(exception: BaseException, **_kwargs: Any) -> None:
    keeper, request = Supervision.keeper, SupervisedRequest.failing
    if keeper is None or request is None:
        return
    if isinstance(exception, (TimeLimitExceeded, *_KILLED)):
        keeper.clear_up(request)
    if not token_of(request):
        return
    if isinstance(exception, TimeLimitExceeded):
        seconds = exception.args[0] if exception.args else "?"
        reason = f"Task failed: it ran longer than its time limit of {seconds} s."
        keeper.failed(request, reason)
    elif isinstance(exception, _KILLED):
        reason = f"Task failed: the process that worked on it has ended ({exception})."
        keeper.lost(request, reason)


@task_revoked.connect
def _revoked(request: Any, expired: bool, **_kwargs: Any) -> None:
    keeper = Supervision.keeper
    owner = request.get(OWNER)
    if keeper is not None and owner:
        token = request.get(TOKEN) or ""
        reason = (
            "its message was not begun in the time that it had" if expired else "revoked"
        )
        keeper.not_begun(owner, token, f"Task failed: {reason}.")


@task_unknown.connect
def _unknown(message: Any, name: str, **_kwargs: Any) -> None:
    keeper, headers = Supervision.keeper, message.headers
    if keeper is not None and headers.get(OWNER):
        reason = f"Task failed: no worker knows {name!r}. Restart the worker"
        reason += ", with the same plugins as the web server."
        keeper.not_begun(headers[OWNER], headers.get(TOKEN) or "", reason)


@worker_shutting_down.connect
def _shutting_down(**_kwargs: Any) -> None:
    if Supervision.keeper is not None and CELERY.flask_app is not None:
        Supervision.keeper.stop_all_in(CELERY.flask_app.config["TASK_SHUTDOWN_SECONDS"])


@worker_shutdown.connect
def _ended(**_kwargs: Any) -> None:
    if Supervision.keeper is not None:
        Supervision.keeper.stop()
