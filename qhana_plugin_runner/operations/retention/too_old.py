"""Tasks, and temporary files of tasks, that have ended long ago."""

import logging
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from ...db import DB
from ...db.db import database_time
from ...db.models.tasks import TEMP_FILE, ProcessingTask, TaskFile
from ...tasking.amount import Amount
from ...tasking.removal import amount_of, remove_files, remove_tasks

__all__ = ["remove_finished_tasks", "remove_temporary_files"]

BATCH = 100
"""Rows that one transaction removes: others wait for it some milliseconds."""

SECONDS_PER_DAY = 24 * 60 * 60

_logger = logging.getLogger(__name__)


def remove_finished_tasks(days: float, dry_run: bool = False) -> Amount:
    """Remove the tasks that have ended before so many days, with everything.

    Args:
        days: the age, by the clock of the database
        dry_run: change nothing

    Returns:
        what was removed, or would be
    """
    task = ProcessingTask
    old = task.finished_at < database_time(-days * SECONDS_PER_DAY)
    if dry_run:
        count = DB.session.execute(select(func.count(task.id)).where(old)).scalar_one()
        return Amount(tasks=count).plus(
            amount_of(TaskFile.task_id.in_(select(task.id).where(old)))
        )
    query = select(task.id).where(old).order_by(task.finished_at, task.id).limit(BATCH)
    total, kept = Amount(), 0
    while ids := list(DB.session.execute(query.offset(kept)).scalars()):
        files = amount_of(TaskFile.task_id.in_(ids))
        try:
            total = total.plus(files).plus(Amount(tasks=len(remove_tasks(ids))))
        except IntegrityError:
            DB.session.rollback()
            removed = _remove_one_by_one(ids)
            kept += len(ids) - removed.tasks
            total = total.plus(removed)
    return total


def _remove_one_by_one(ids: list[int]) -> Amount:
    """Remove tasks some of which are in use; these stay."""
    total = Amount()
    for task_id in ids:
        files = amount_of(TaskFile.task_id == task_id)
        try:
            total = total.plus(files).plus(Amount(tasks=len(remove_tasks([task_id]))))
        except IntegrityError:
            DB.session.rollback()
            _logger.warning("task %s stays: a table of a plugin refers to it", task_id)
    return total


def remove_temporary_files(days: float, dry_run: bool = False) -> Amount:
    """Remove temporary files of tasks that have ended before so many days.

    Args:
        days: the age, by the clock of the database
        dry_run: change nothing

    Returns:
        what was removed, or would be
    """
    ended: Any = ProcessingTask.finished_at < database_time(-days * SECONDS_PER_DAY)
    ended = select(ProcessingTask.id).where(ended)
    old = (TaskFile.file_type == TEMP_FILE) & TaskFile.task_id.in_(ended)
    if dry_run:
        return amount_of(old)
    query = select(TaskFile.id).where(old).order_by(TaskFile.id).limit(BATCH)
    total = Amount()
    while ids := list(DB.session.execute(query).scalars()):
        total = total.plus(amount_of(TaskFile.id.in_(ids)))
        remove_files(ids)
    return total
