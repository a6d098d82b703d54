"""Removes what is too old, in one go."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping

from flask import current_app

from ...db.db import DAY
from ...security.secrets import remove_secrets_of_ended_tasks
from ...tasking.outbox import prune
from ...tasking.stored import remove_bytes
from .expiry import remove_finished_tasks, remove_temporary_files
from .orphans import remove_orphans

KINDS: dict[str, tuple[str, Callable[[float, bool], Counter[str]]]] = {
    "finished-tasks": ("RETENTION_FINISHED_DAYS", remove_finished_tasks),
    "temporary-files": ("RETENTION_TEMP_FILE_DAYS", remove_temporary_files),
    "orphans": ("RETENTION_ORPHAN_DAYS", remove_orphans),
}
"""What can be too old: the setting with its age in days, and what removes it."""

_logger = logging.getLogger(__name__)


def days_of_settings() -> dict[str, float | None]:
    """Return for how many days each kind is kept; ``None`` for ever."""
    return {kind: current_app.config[setting] for kind, (setting, _) in KINDS.items()}


def clean_up(
    days: Mapping[str, float | None], dry_run: bool = False
) -> dict[str, Counter[str]]:
    """Remove what is too old, and bytes and secrets that could not be removed before.

    Two processes may do this at once. It goes on where it was cut off.

    Args:
        days: the age at which something is too old, by kind
        dry_run: change nothing

    Returns:
        how many ``tasks``, ``files`` and ``bytes`` were removed, or would be, by kind; only kinds
        that have an age
    """
    if not dry_run:
        remove_bytes()
        remove_secrets_of_ended_tasks()
    return {
        kind: remove(age, dry_run)
        for kind, (_setting, remove) in KINDS.items()
        if (age := days.get(kind)) is not None
    }


def apply_retention() -> None:
    """Remove what is older than the settings allow, rows of the webhooks' log among it."""
    prune(current_app.config["WEBHOOK_LOG_DAYS"] * DAY)
    for kind, amount in clean_up(days_of_settings()).items():
        if amount:
            what = ", ".join(f"{number} {unit}" for unit, number in amount.items())
            _logger.info("removed %s: %s", kind, what)
