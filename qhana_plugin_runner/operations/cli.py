"""The command that does the maintenance."""

import logging
import os
import signal
import threading
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..celery import CELERY
from .loop import Maintenance
from .metrics import metrics_of
from .webhooks.by_worker import is_delivered_by_worker

_ENDS = {signal.SIGINT, signal.SIGTERM}

_logger = logging.getLogger(__name__)


@click.command("maintenance")
@click.option(
    "--schedule",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also send periodic tasks, and keep their schedule in FILE; use it in only one process.",
)
@with_appcontext
def maintenance_command(schedule: Path | None) -> None:
    """Find lost tasks, call webhooks, and remove old data until Ctrl-C or SIGTERM.

    Can run on several hosts: only one process at a time does each of these jobs. Uses the settings
    of the web server; with MAINTENANCE=off, web processes leave the work to this process.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    if is_delivered_by_worker(app):
        raise click.ClickException(
            "no maintenance with TESTING or a broker in memory: set BROKER_URL to a Redis server"
        )
    # Blocked before the threads start, so that none of them gets the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    metrics_of(app).begin()
    maintenance: Maintenance = app.extensions["qhana_maintenance"]
    maintenance.start()
    scheduler = _scheduler(schedule) if schedule else None
    _logger.info("maintenance: started")
    signal.sigwait(_ENDS)
    has_failed = scheduler is not None and not scheduler.is_alive()
    if scheduler is not None:
        scheduler.service.stop()  # does not wait: a thread that has failed never says so
    maintenance.stop(seconds=1.0)
    if scheduler is not None:
        scheduler.join(timeout=2.0)
    if has_failed:
        raise click.ClickException(
            "the scheduler of periodic tasks has failed: see its error above"
        )


def _scheduler(file: Path) -> Any:
    """Start Celery's scheduler of periodic tasks as a thread, if there are such tasks.

    The process is told to stop when the thread ends.
    """
    CELERY.finalize()
    kind = CELERY.conf.beat_scheduler
    if not CELERY.conf.beat_schedule and kind == "celery.beat:PersistentScheduler":
        return None
    from celery.beat import EmbeddedService

    scheduler = EmbeddedService(
        CELERY, thread=True, schedule_filename=str(file), scheduler_cls=kind
    )
    scheduler.start()
    threading.Thread(target=_stop_after, args=(scheduler,), daemon=True).start()
    return scheduler


def _stop_after(thread: threading.Thread) -> None:
    thread.join()
    os.kill(os.getpid(), signal.SIGTERM)
