"""The removal of tasks and files: the rows in one transaction, then the bytes.

The transaction notes the bytes that are to be removed (:class:`RemovedFile`). When the process
dies, or the store is away, they are removed the next time.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from enum import Enum
from typing import Any

from flask import current_app
from redis.exceptions import RedisError
from sqlalchemy import (
    String,
    cast,
    delete,
    false,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy.exc import IntegrityError

from ..db import DB
from ..db.models.removed_files import RemovedFile
from ..db.models.secrets import TaskSecret
from ..db.models.subscriptions import TaskUpdateSubscription, WebhookDelivery
from ..db.models.task_console import TaskConsole
from ..db.models.tasks import ProcessingTask, Step, TaskFile, TaskLink, TaskLogEntry
from ..db.models.workbench import RunInput, RunValues
from ..db.statements import execute
from .broker import in_flight
from .stored import remove_bytes

_logger = logging.getLogger(__name__)

_OWNERS: tuple[Any, ...] = (
    Step.id,
    TaskLink.task_id,
    TaskFile.task_id,
    TaskLogEntry.task_id,
    TaskConsole.task_id,
    TaskUpdateSubscription.task_id,
    WebhookDelivery.task_id,
    RunValues.task_id,
    RunInput.task_id,
    TaskSecret.task_id,
)
"""The columns that name the task to which a row belongs."""


class Removal(Enum):
    """What has become of the wish to remove a task.

    Attributes:
        DONE: the task is gone, with all that belonged to it.
        NO_TASK: there is no such task.
        OPEN: the task has not ended.
        IN_USE: a table of a plugin refers to the task.
    """

    DONE = "done"
    NO_TASK = "no task"
    OPEN = "open"
    IN_USE = "in use"


def remove_task(task_id: int) -> Removal:
    """Remove a task that has ended, with everything; commits."""
    try:
        removed = remove_tasks([task_id])
    except IntegrityError:
        DB.session.rollback()
        return Removal.IN_USE
    if removed:
        return Removal.DONE
    there_is = DB.session.execute(select(ProcessingTask.id).filter_by(id=task_id)).first()
    return Removal.NO_TASK if there_is is None else Removal.OPEN


def remove_tasks(task_ids: Sequence[int]) -> list[int]:
    """Remove those of the tasks that have ended, with everything; commits.

    Returns:
        the ids of the tasks that were removed

    Raises:
        IntegrityError: a table of a plugin refers to one of the tasks; the session has to be
            rolled back
    """
    task = ProcessingTask
    # For SQLite, which has no locks of rows, and gives the id of the newest task again when it is
    # gone: from here on nobody else writes.
    execute(delete(task).where(false()))
    ended = select(task.id).where(task.id.in_(task_ids), task.finished_at.is_not(None))
    # Nobody adds anything to the tasks until they are gone.
    locked = ended.order_by(task.id).with_for_update()
    ids = list(DB.session.execute(locked).scalars())
    noted = _note_bytes(TaskFile.task_id.in_(ids))
    for owner in _OWNERS:
        execute(delete(owner.class_).where(owner.in_(ids)))
    execute(delete(task).where(task.id.in_(ids)))
    _forget_messages(ids)  # before another task can have such an id
    DB.session.commit()
    remove_bytes(noted)
    return ids


def _forget_messages(task_ids: Sequence[int]) -> None:
    """Remove what the broker remembers of tasks that have ended."""
    registry = in_flight(current_app)
    if registry is None:
        return
    try:
        for task_id in task_ids:
            registry.delete(task_id)
    except RedisError as error:
        _logger.warning("the broker still remembers the tasks %s: %s", task_ids, error)


def remove_files(file_ids: Sequence[int]) -> None:
    """Remove files of tasks; commits."""
    which = TaskFile.id.in_(file_ids)
    noted = _note_bytes(which)
    execute(delete(TaskFile).where(which))
    DB.session.commit()
    remove_bytes(noted)


def amount_of(condition: Any) -> Counter[str]:
    """Return how many ``files`` and ``bytes`` there are for which a condition holds."""
    query = select(func.count(), func.sum(TaskFile.size))
    files, size = DB.session.execute(query.where(condition)).one()
    return Counter(files=files, bytes=int(size or 0))


def _note_bytes(condition: Any) -> list[int]:
    """Note that the bytes of files are to be removed; return the ids of the notes.

    One statement, so that no file is forgotten that is added meanwhile. Bytes in the folder of
    another task are not noted: they go with that task.
    """
    place = TaskFile.file_storage_data
    own_folder = literal("%task/_") + cast(TaskFile.task_id, String) + literal("//%")
    is_own = or_(
        not_(place.like("%task/_%//%", escape="/")), place.like(own_folder, escape="/")
    )
    noted = ("storage_provider", "file_name", "file_storage_data")
    source = select(*(getattr(TaskFile, name) for name in noted)).where(condition, is_own)
    statement = insert(RemovedFile).from_select(noted, source).returning(RemovedFile.id)
    return list(execute(statement).scalars())
