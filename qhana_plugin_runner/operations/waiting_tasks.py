"""Fails tasks that wait for too long, for a person, a webhook, or another runner."""

from flask import current_app
from sqlalchemy import select

from ..db import DB
from ..db.db import DAY, database_time
from ..db.models.tasks import ProcessingTask
from ..tasking import life_cycle
from ..tasking.life_cycle import TaskState

BATCH = 500
"""Tasks that are read at once."""


def expire_waiting_tasks() -> bool:
    """Fail some tasks that wait and are older than the setting allows; none if it is not set.

    Returns:
        whether there may be more
    """
    days = current_app.config["TASK_WAITING_DAYS"]
    if not days:
        return False
    task = ProcessingTask
    is_old = task.started_at < database_time(-days * DAY)
    query = select(task.id).where(task.state == TaskState.WAITING.value, is_old)
    ids = DB.session.execute(query.limit(BATCH)).scalars().all()
    for task_id in ids:
        log = f"Task failed: it waits, and was made more than {days} days ago."
        life_cycle.expire(task_id, log)
    return len(ids) == BATCH
