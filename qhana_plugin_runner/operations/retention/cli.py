"""The command that cleans up on demand."""

from collections import Counter

import click
from flask import current_app
from flask.cli import with_appcontext

from .clean_up import KINDS, Limits, clean_up

_NAMES = {kind.replace("_", "-"): kind for kind in KINDS}


@click.command("clean-up")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@click.option(
    "--older-than",
    metavar="DAYS",
    type=click.FloatRange(0, min_open=True),
    help="Use this age instead of those that are set.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(_NAMES)),
    help="Only this kind; may be given several times. Needed with --older-than.",
)
@with_appcontext
def clean_up_command(
    dry_run: bool, older_than: float | None, only: tuple[str, ...]
) -> None:
    """Remove tasks and files that are older than the settings RETENTION_* allow."""
    if older_than is not None and not only:
        raise click.UsageError(
            "--older-than needs --only, which says what is to be removed: "
            + ", ".join(_NAMES)
        )
    limits = Limits.from_config(current_app.config)
    wanted = [_NAMES[name] for name in only] or list(KINDS)
    days = {
        kind: limits._asdict()[kind] if older_than is None else older_than
        for kind in wanted
    }
    removed = clean_up(Limits(**days), dry_run)
    for name, kind in _NAMES.items():
        if kind in wanted:
            click.echo(_line(name, removed.get(kind), dry_run))


def _line(name: str, amount: Counter[str] | None, dry_run: bool) -> str:
    if amount is None:
        return f"{name}: kept, as no age is set"
    does = "would remove" if dry_run else "removed"
    tasks = f"{amount['tasks']} tasks with " if name == "finished-tasks" else ""
    return f"{name}: {does} {tasks}{amount['files']} files of {amount['bytes']} bytes"
