"""Progress that a plugin reports very often is written twice a second.

A plugin may set the progress in a loop, and commit each time. The first changes of a message are
written with the plugin's own transactions; few plugins report more. Once they are many, what was
committed stays in memory, where the plugin reads it back, and a thread writes the newest of it
now and then, the last at the end of the message.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from threading import Event, Thread
from typing import Any

from sqlalchemy import Engine, Update, event, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.orm.attributes import set_committed_value

from ...db import DB
from ...db.models.tasks import ProcessingTask
from ...db.statements import execute
from ...db.transient import retry_transient
from ...util.current_message import current_message, working_on

PROGRESS = ("progress_value", "progress_start", "progress_target", "progress_unit")
"""The columns of progress."""

AT_ONCE = 20
"""How many changes of a message are written at once."""

INTERVAL = 0.5
"""Seconds between two writes after these."""

_logger = logging.getLogger(__name__)


class _Held:
    """The progress of a task, as far as a message that a worker is at sets it.

    Attributes:
        task_id: the task.
        left: how many changes are still to be written at once.
        changes: what was set and not written in the transaction that is open, by column.
        values: all that was committed and not written at once.
        written: what of these is in the database: the same object when all is.
    """

    def __init__(self, task_id: int) -> None:
        self.task_id = task_id
        self.left = AT_ONCE
        self.changes: Mapping[str, Any] = {}
        self.values: Mapping[str, Any] = {}
        self.written: Mapping[str, Any] = self.values
        self._writer: Thread | None = None
        self._is_over = Event()

    @property
    def unwritten(self) -> Mapping[str, Any]:
        """What the database does not have yet, as the open transaction sees it."""
        if self.written is self.values:
            return self.changes
        return {**self.values, **self.changes}

    def keep(self) -> None:
        """The changes were committed: see that they are written."""
        self.values = {**self.values, **self.changes}
        self.changes = {}
        if self._writer is None:
            self._writer = Thread(
                target=self._write_now_and_then, args=[DB.engine], daemon=True
            )
            self._writer.start()

    def write(self, engine: Engine) -> None:
        """Write the latest values in a transaction of their own."""
        if (values := self.values) is not self.written:
            with engine.begin() as connection:
                connection.execute(_writing(self.task_id, values))
            self.written = values

    def stop(self) -> None:
        """End the thread that writes."""
        self._is_over.set()
        if self._writer is not None:
            self._writer.join()

    def _write_now_and_then(self, engine: Engine) -> None:
        while not self._is_over.wait(INTERVAL):
            try:
                self.write(engine)
            except DBAPIError as error:
                _logger.info("progress is written later: %s", error.orig)


@contextmanager
def throttled(task_id: int) -> Iterator[None]:
    """Write progress of the current message's task now and then, and the last of it at the end."""
    held = _Held(task_id)
    message = replace(current_message(), task_id=task_id, progress=held)
    try:
        with working_on(message):
            yield
    finally:
        if held.written is not held.values:
            # A row that the plugin has changed without a commit is locked until this.
            DB.session.rollback()
            held.stop()
            try:
                retry_transient(lambda: held.write(DB.engine))
            except DBAPIError as error:
                _logger.warning("the last progress is not written: %s", error.orig)
        held.stop()


def report(task: ProcessingTask, values: Mapping[str, Any]) -> None:
    """Write a change of progress, or hold it back; to be called while the session flushes."""
    held = _held(task)
    if held is None or held.left > 0:
        if held is not None:
            held.left -= 1
        execute(_writing(task.id, values))
        DB.session.expire(task, list(values))
        return
    held.changes = {**held.changes, **values}
    for name, value in values.items():
        set_committed_value(task, name, value)


def hold(task_id: int, values: Mapping[str, Any]) -> bool:
    """Hold progress back without a transaction, where much was written; ``False`` where not."""
    held: _Held | None = current_message().progress
    if held is None or held.task_id != task_id or held.left > 0:
        return False
    held.changes = dict(values)
    held.keep()
    return True


def write_held(task_id: int) -> None:
    """Write what is held back of a task with what the session is about to commit."""
    held: _Held | None = current_message().progress
    if held is not None and held.task_id == task_id and (values := held.unwritten):
        execute(_writing(task_id, values))


def _writing(task_id: int, values: Mapping[str, Any]) -> Update:
    """Return the statement that writes to the row unless the task has ended."""
    return (
        update(ProcessingTask)
        .where(ProcessingTask.id == task_id, ProcessingTask.finished_at.is_(None))
        .values(**values)
    )


def _held(task: ProcessingTask) -> _Held | None:
    held: _Held | None = current_message().progress
    return held if held is not None and held.task_id == task.id else None


@cache  # once for the process, whose session all apps share
def listen() -> None:
    """Hold back progress where sessions commit, and give it back where they read."""
    event.listen(DB.session, "after_commit", _keep)
    event.listen(DB.session, "after_transaction_end", _forget)
    event.listen(ProcessingTask, "load", _loaded)
    event.listen(ProcessingTask, "refresh", _put_back)


def _keep(session: Session) -> None:
    held: _Held | None = current_message().progress
    if held is not None and held.changes and not session.in_nested_transaction():
        held.keep()


def _forget(_session: Session, transaction: SessionTransaction) -> None:
    """What is not committed by now never will be."""
    held: _Held | None = current_message().progress
    if held is not None and transaction.parent is None:
        held.changes = {}


def _loaded(task: ProcessingTask, _context: Any) -> None:
    _put_back(task, None)


def _put_back(task: ProcessingTask, _context: Any, names: Any = None) -> None:
    """Give an object that was read from the database what is held back."""
    if (held := _held(task)) is not None:
        for name, value in held.unwritten.items():
            if names is None or name in names:
                set_committed_value(task, name, value)
