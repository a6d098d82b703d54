"""How many tasks each client may have under way."""

from flask import current_app
from sqlalchemy import Connection, func, select

from ..db.models.tasks import ProcessingTask
from ..security.clients import client_of_request
from .errors import TooManyTasks

NO_CLIENT = ""
"""The client of rows that no limit counts."""

_SETTING = "TASK_MAX_PER_CLIENT"


def note_client(task: ProcessingTask) -> None:
    """Note in a new row for which client this request makes it, where it matters."""
    if current_app.config[_SETTING] is not None and task.client is None:
        task.client = client_of_request()


def require_few_tasks(task: ProcessingTask, connection: Connection) -> None:
    """Check, when a row is written, that its client has not too many.

    Raises:
        TooManyTasks: it has. The transaction is rolled back.
    """
    most: int | None = current_app.config[_SETTING]
    if most is None or not task.client:
        return
    if connection.dialect.name == "postgresql":
        # Until the end of the transaction: transactions do not see each other's new rows.
        lock = func.pg_advisory_xact_lock(int(task.client[:15], 16))
        connection.execute(select(lock))
    under_way = select(func.count()).where(
        ProcessingTask.client == task.client, ProcessingTask.finished_at.is_(None)
    )
    if connection.execute(under_way).scalar_one() > most:
        raise TooManyTasks(most)
