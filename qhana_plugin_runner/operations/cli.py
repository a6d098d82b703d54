"""The command that does the maintenance."""

import signal

import click
from flask import current_app
from flask.cli import with_appcontext

from .loop import Maintenance
from .webhooks.by_worker import is_delivered_by_worker

__all__ = ["maintenance_command"]

_ENDS = {signal.SIGINT, signal.SIGTERM}


@click.command("maintenance")
@with_appcontext
def maintenance_command() -> None:
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
    click.echo("maintenance: started")
    signal.sigwait(_ENDS)
    maintenance.stop(seconds=2.0)
