"""The command that cleans up on demand."""

from collections import Counter

import click
from flask.cli import with_appcontext

from .clean_up import KINDS, clean_up, days_of_settings


@click.command("clean-up")
@click.option(
    "--dry-run", is_flag=True, help="Show what would be removed without removing it."
)
@click.option(
    "--older-than",
    metavar="DAYS",
    type=click.FloatRange(0, min_open=True),
    help="Use this age instead of the settings.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(KINDS)),
    help="Clean up only this kind; can be repeated. Required with --older-than.",
)
@with_appcontext
def clean_up_command(
    dry_run: bool, older_than: float | None, only: tuple[str, ...]
) -> None:
    """Remove tasks and files that are older than the RETENTION_* settings allow."""
    if older_than is not None and not only:
        raise click.UsageError(
            f"--older-than needs --only with one of {', '.join(KINDS)}"
        )
    settings = days_of_settings()
    days = {kind: older_than or settings[kind] for kind in only or KINDS}
    removed = clean_up(days, dry_run)
    for kind in days:
        click.echo(_line(kind, removed.get(kind), dry_run))


def _line(kind: str, amount: Counter[str] | None, dry_run: bool) -> str:
    if amount is None:
        return f"{kind}: kept, as no age is set"
    does = "would remove" if dry_run else "removed"
    tasks = f"{amount['tasks']} tasks with " if kind == "finished-tasks" else ""
    return f"{kind}: {does} {tasks}{amount['files']} files of {amount['bytes']} bytes"
