"""The command that does the maintenance."""

import signal
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..celery import CELERY
from .loop import Maintenance
from .webhooks.by_worker import is_delivered_by_worker

__all__ = ["maintenance_command"]

_ENDS = {signal.SIGINT, signal.SIGTERM}


@click.command("maintenance")
@click.option(
    "--schedule",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Send periodic tasks, too, and keep in this file when; only in one process of all.",
)
@with_appcontext
def maintenance_command(schedule: Path | None) -> None:
    """Find lost tasks, call webhooks, and remove what is too old, until Ctrl-C or SIGTERM.

    May run on several hosts: one of all processes does each of these at a time. Needs no other
    setting than the web server; with MAINTENANCE=off, web processes leave the work to this one.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    if is_delivered_by_worker(app):
        raise click.ClickException(
            "no maintenance with TESTING or a broker in memory: set BROKER_URL to a Redis server"
        )
    # Blocked before the threads start, so that none of them gets the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    maintenance: Maintenance = app.extensions["qhana_maintenance"]
    maintenance.start()
    scheduler = _scheduler(schedule) if schedule else None
    click.echo("maintenance: started")
    signal.sigwait(_ENDS)
    maintenance.stop(seconds=1.0)
    if scheduler is not None:
        scheduler.stop()


def _scheduler(file: Path) -> Any:
    """Start Celery's scheduler of periodic tasks as a thread, if there are such tasks."""
    CELERY.finalize()
    kind = CELERY.conf.beat_scheduler
    if not CELERY.conf.beat_schedule and kind == "celery.beat:PersistentScheduler":
        return None
    from celery.beat import EmbeddedService

    scheduler = EmbeddedService(
        CELERY, thread=True, schedule_filename=str(file), scheduler_cls=kind
    )
    scheduler.start()
    return scheduler
