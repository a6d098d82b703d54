"""The commands ``flask backup`` and ``flask restore``."""

import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ...db import DB
from .create import create_backup
from .restore import restore_backup


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_appcontext
def backup_command(file: Path) -> None:
    """Back up the instance folder to FILE, a tar archive. The runner may be running.

    The archive contains the database, the queue, all files of the file store, the secret key, and
    the configuration. Only its owner may read it, because it contains the key. A FILE that ends in
    .gz or .tgz is compressed. An existing FILE is replaced when the new one is complete.
    """
    _end_as_with_ctrl_c()
    # Its connections are not needed, and no task is to wait for one.
    DB.engine.dispose()
    instance = Path(current_app.instance_path)
    made = create_backup(current_app.config, instance, file, _Shown())
    size = f"{made['bytes'] / 1e6:,.1f} MB"
    click.echo(f"{file}: {_tasks(made)}, {made['files']} files, {size}")
    if links := made["links"]:
        click.echo(
            f"{len(links)} links below the folder are not in it, such as {links[0]}.",
            err=True,
        )


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--replace", is_flag=True, help="Replace the instance in the folder.")
@with_appcontext
def restore_command(file: Path, replace: bool) -> None:
    """Restore an instance folder from FILE, an archive of flask backup.

    The folder is QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER or ./instance; no runner may be using it.
    Everything is checked before anything in it changes. An older database is upgraded.
    """
    _end_as_with_ctrl_c()
    DB.engine.dispose()
    instance = Path(current_app.instance_path)
    restored = restore_backup(file, instance, replace, _Shown())
    click.echo(f"{instance}: {_tasks(restored)}, as of {restored.get('made_at')}")
    if restored["has_other_key"]:
        click.echo(
            "The secrets of tasks, and access tokens, cannot be used: they were made with another "
            "SECRET_KEY, which was not in the instance folder. Set QHANA_SECRET_KEY to that one.",
            err=True,
        )


def _tasks(manifest: Mapping[str, Any]) -> str:
    states: Mapping[str, int] = manifest["tasks"]
    shown = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"{sum(states.values())} tasks" + (f" ({shown})" if shown else "")


def _end_as_with_ctrl_c() -> None:
    """Remove what is not whole after SIGTERM, too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


class _Shown:
    """Shows progress: in one line of a terminal, elsewhere nothing."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        is_done = done >= total
        if not sys.stderr.isatty() or (time.monotonic() < self._next and not is_done):
            return
        self._next = time.monotonic() + 0.2
        percent = 100 * done // max(total, 1)
        click.echo(f"\r{what}: {percent} % ", nl=False, err=True)
