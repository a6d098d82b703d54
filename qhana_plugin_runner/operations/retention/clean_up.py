"""Cleans up all that is too old, in one go."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

from ...tasking.stored import remove_bytes
from .expiry import remove_finished_tasks, remove_temporary_files
from .orphans import remove_orphans

__all__ = ["KINDS", "Limits", "clean_up"]


class Limits(NamedTuple):
    """For how many days things are kept; ``None`` for ever.

    Attributes:
        finished_tasks: tasks with everything, since they have ended.
        temporary_files: temporary files, since their task has ended.
        orphans: files that belong to no row, since they were kept.
    """

    finished_tasks: float | None = None
    temporary_files: float | None = None
    orphans: float | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the limits that are set."""
        return cls(
            config["RETENTION_FINISHED_DAYS"],
            config["RETENTION_TEMP_FILE_DAYS"],
            config["RETENTION_ORPHAN_DAYS"],
        )


KINDS: dict[str, Callable[[float, bool], Counter[str]]] = {
    "finished_tasks": remove_finished_tasks,
    "temporary_files": remove_temporary_files,
    "orphans": remove_orphans,
}
"""What can be too old, and what removes it."""


def clean_up(limits: Limits, dry_run: bool = False) -> dict[str, Counter[str]]:
    """Remove what is too old, and the bytes that could not be removed before.

    Two processes may do this at once. It goes on where it was cut off.

    Args:
        limits: how old is too old
        dry_run: change nothing

    Returns:
        how many ``tasks``, ``files`` and ``bytes`` were removed, or would be, by kind; only kinds
        that have a limit
    """
    if not dry_run:
        remove_bytes()
    ages = limits._asdict()
    return {
        kind: remove(ages[kind], dry_run)
        for kind, remove in KINDS.items()
        if ages[kind] is not None
    }
