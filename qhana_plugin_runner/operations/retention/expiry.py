"""Removes tasks, and temporary files of tasks, that ended long ago."""

import logging
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import IntegrityError

from ...db import DB
from ...db.db import DAY, database_time
from ...db.models.tasks import TEMP_FILE, ProcessingTask, TaskFile
from ...tasking.removal import amount_of, remove_files, remove_tasks

BATCH = 100
"""Rows that one transaction removes: others wait for it some milliseconds."""

_logger = logging.getLogger(__name__)


def remove_finished_tasks(days: float, dry_run: bool = False) -> Counter[str]:
    """Remove the tasks that ended before so many days, with everything.

    Args:
        days: the age, by the clock of the database
        dry_run: change nothing

    Returns:
        how many ``tasks``, ``files`` and ``bytes`` were removed, or would be
    """
    task = ProcessingTask
    if dry_run:
        old = select(task.id).where(_ended_before(days))
        count = DB.session.execute(select(func.count()).select_from(old.subquery()))
        return Counter(tasks=count.scalar_one()) + amount_of(TaskFile.task_id.in_(old))
    query = select(task.id).where(_ended_before(days)).limit(BATCH)
    query = query.order_by(task.finished_at, task.id)
    total, kept = Counter[str](), 0
    while ids := DB.session.execute(query.offset(kept)).scalars().all():
        removed = _remove(ids)
        kept += len(ids) - removed["tasks"]
        total += removed
    return total


def _remove(ids: Sequence[int]) -> Counter[str]:
    """Remove tasks, but for those that are in use."""
    files = amount_of(TaskFile.task_id.in_(ids))
    try:
        return Counter(tasks=len(remove_tasks(ids))) + files
    except IntegrityError:
        DB.session.rollback()
    if len(ids) > 1:
        return sum((_remove([task_id]) for task_id in ids), Counter())
    _logger.warning("task %s stays: a table of a plugin refers to it", ids[0])
    return Counter()


def remove_temporary_files(days: float, dry_run: bool = False) -> Counter[str]:
    """Remove temporary files of tasks that ended before so many days.

    Args:
        days: the age, by the clock of the database
        dry_run: change nothing

    Returns:
        how many ``files`` and ``bytes`` were removed, or would be
    """
    ended = select(ProcessingTask.id).where(_ended_before(days))
    old = (TaskFile.file_type == TEMP_FILE) & TaskFile.task_id.in_(ended)
    if dry_run:
        return amount_of(old)
    query = select(TaskFile.id).where(old).order_by(TaskFile.id).limit(BATCH)
    total = Counter[str]()
    while ids := DB.session.execute(query).scalars().all():
        total += amount_of(TaskFile.id.in_(ids))
        remove_files(ids)
    return total


def _ended_before(days: float) -> ColumnElement[bool]:
    finished_at: ColumnElement[object] = ProcessingTask.finished_at  # type: ignore[assignment]
    return finished_at < database_time(-days * DAY)
