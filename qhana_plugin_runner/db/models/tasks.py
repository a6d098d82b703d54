"""Tasks with their steps, files, links and logs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import (
    Mapped,
    MappedAsDataclass,
    mapped_column,
    object_session,
    relationship,
    synonym,
)

from ...util.current_message import delivery_id
from ...util.redaction import hidden
from ...util.texts import encodable
from ..db import DB, MAX_ID, UtcTimestamp, utc_now
from .mutable_json import JSON_LIKE, MutableJSON
from .saved import Saved
from .subscriptions import TaskUpdateSubscription, WebhookDelivery, WebhookRef
from .task_state import TaskState

__all__ = [
    "DB",
    "JSON_LIKE",
    "ProcessingTask",
    "Step",
    "TaskFile",
    "TaskLink",
    "TaskLogEntry",
    "TaskUpdateSubscription",
    "WebhookDelivery",
    "WebhookRef",
]


def storable(text: str) -> str:
    """Replace what databases cannot store in a text, NUL and lone surrogates, and secrets."""
    return encodable(hidden(text).replace("\0", "\ufffd"))


TEMP_FILE = "temp-file"
"""The file type of temporary files, which are never listed as outputs."""

ENDED_UNKNOWN = "finished_at IS NOT NULL AND coalesce(task_status, '') = ''"
"""SQL: the task has ended without a status. Such tasks are few and have their own index."""

OPEN = "finished_at IS NULL"
"""SQL: the task has not ended."""

_IS_TEMP_FILE = sa.text(f"file_type = '{TEMP_FILE}'")


def _whole_log(task: "ProcessingTask") -> str:
    if not task.log_entries:
        return task.log_start
    return "\n".join(filter(None, (task.log_start, *(e.text for e in task.log_entries))))


def _set_log(task: "ProcessingTask", log: str) -> None:
    """Append the new lines, or replace the log if it does not start with the old one."""
    before = _whole_log(task) if object_session(task) else ""
    if before and log and log.startswith(f"{before}\n"):
        task.add_task_log_entry(log[len(before) + 1 :])
    elif log != before:
        if before and task.log_entries:
            DB.session.execute(sa.delete(TaskLogEntry).filter_by(task_id=task.id))
            DB.session.expire(task, ["log_entries"])
        task.log_start = log


def _state_of(row: Any) -> Any:
    return sa.inspect(row, raiseerr=True)


class ProcessingTask(Saved, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """One run of a plugin.

    Attributes:
        id: the ``db_id`` that plugins pass to their Celery tasks.
        task_name: the name of the Celery task that was started.
        started_at: time at which the row was created, in UTC.
        finished_at: time at which the task ended, in UTC; ``None`` before.
        parameters: the input as text, usually JSON.
        data: any JSON value of the plugin; nested changes are tracked.
        multi_step: whether the task has, or had, steps.
        steps: the points at which the task waits for input, oldest first.
        current_step: the number of the newest step, -1 before the first one.
        progress_value: ``None`` until progress is reported; between start and target.
        progress_start: the value at the start.
        progress_target: the value at the end.
        progress_unit: the unit of the three numbers.
        task_status: ``None`` until finished, then ``SUCCESS`` or ``FAILURE``.
        task_log: lines for the user.
        outputs: all files of the task, temporary ones included, in the order saved.
        links: links that the plugin adds to the task.
        subscriptions: the webhooks that are called after changes.
        state: finer than the status: a value of
            :class:`~qhana_plugin_runner.db.models.task_state.TaskState`.
        plugin: the identifier of the plugin whose view created the row; ``None`` without a view.
        began_at: time at which a worker began, in UTC; ``None`` before.
        attempt: the number of the attempt, from 1.
        client: a digest of who started it, where the tasks of each client are limited.
        log_start: the log before the first of ``log_entries``.
        log_entries: lines appended to the log, oldest first.
    """

    __tablename__ = "ProcessingTask"
    __table_args__ = (
        sa.Index("ix_ProcessingTask_state", "state", "id"),
        sa.Index("ix_ProcessingTask_plugin", "plugin", "id"),
        sa.Index("ix_ProcessingTask_started_at", "started_at", "id"),
        sa.Index(
            "ix_ProcessingTask_unknown",
            "task_status",
            "id",
            sqlite_where=sa.text(ENDED_UNKNOWN),
            postgresql_where=sa.text(ENDED_UNKNOWN),
        ),
        sa.Index(
            "ix_ProcessingTask_client",
            "client",
            sqlite_where=sa.text(OPEN),
            postgresql_where=sa.text(OPEN),
        ),
        # URLs hold the id: that of a deleted task must not lead to another one.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task_name: Mapped[str | None] = mapped_column(sa.String(500))
    started_at: Mapped[datetime | None] = mapped_column(
        UtcTimestamp(), default_factory=utc_now
    )
    finished_at: Mapped[datetime | None] = mapped_column(
        UtcTimestamp(), default=None, index=True
    )
    parameters: Mapped[str | None] = mapped_column(sa.Text, default="")
    data: Mapped[JSON_LIKE] = mapped_column(
        MutableJSON, nullable=True, default_factory=dict
    )
    multi_step: Mapped[bool | None] = mapped_column(default=False)
    steps: Mapped[list["Step"]] = relationship(
        back_populates="task",
        order_by="Step.number",
        cascade="all, delete-orphan",
        default_factory=list,
    )
    current_step: Mapped[int | None] = mapped_column(default=-1)
    progress_value: Mapped[float | None] = mapped_column(sa.Float, default=None)
    progress_start: Mapped[float | None] = mapped_column(sa.Float, default=0.0)
    progress_target: Mapped[float | None] = mapped_column(sa.Float, default=100.0)
    progress_unit: Mapped[str | None] = mapped_column(sa.String(100), default="%")
    task_status: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    log_start: Mapped[str] = mapped_column("task_log", sa.Text, init=False, default="")
    task_log: Mapped[str] = synonym(
        "log_start", descriptor=property(_whole_log, _set_log), default="", repr=False
    )
    outputs: Mapped[list["TaskFile"]] = relationship(
        back_populates="task", order_by="TaskFile.id", default_factory=list
    )
    links: Mapped[list["TaskLink"]] = relationship(
        back_populates="task", order_by="TaskLink.id", default_factory=list
    )
    subscriptions: Mapped[list["TaskUpdateSubscription"]] = relationship(
        back_populates="task", order_by="TaskUpdateSubscription.id", default_factory=list
    )

    state: Mapped[str | None] = mapped_column(
        sa.String(16), default=TaskState.WAITING.value
    )
    plugin: Mapped[str | None] = mapped_column(sa.String(500), default=None)
    began_at: Mapped[datetime | None] = mapped_column(UtcTimestamp(), default=None)
    attempt: Mapped[int | None] = mapped_column(default=1)
    client: Mapped[str | None] = mapped_column(sa.String(32), init=False, default=None)
    log_entries: Mapped[list["TaskLogEntry"]] = relationship(
        order_by="TaskLogEntry.id", viewonly=True, init=False, repr=False
    )

    @classmethod
    def get_by_id(cls, id_: int) -> Self | None:
        """Return the task with this id, or ``None``."""
        return DB.session.get(cls, id_)

    @classmethod
    def get_with_details(cls, id_: int) -> Self | None:
        """Return the task with this id, fresh from the database, or ``None``."""
        return DB.session.get(cls, id_, populate_existing=True)

    @property
    def is_finished(self) -> bool:
        """Whether the task has ended."""
        return self.finished_at is not None

    @property
    def is_ok(self) -> bool:
        """Whether the task was successful."""
        return self.task_status == "SUCCESS"

    @property
    def status(self) -> str:
        """``PENDING`` until finished, then the status that was set, or ``UNKNOWN``."""
        if not self.is_finished:
            return "PENDING"
        return self.task_status or "UNKNOWN"

    @property
    def has_uncleared_step(self) -> bool:
        """Whether a step waits for its input."""
        return not all(step.cleared for step in self.steps)

    def clear_previous_step(self, commit: bool = False) -> None:
        """Mark the newest step, if there is one, as cleared.

        Args:
            commit: commit everything in the session.
        """
        if self.steps:
            self.steps[-1].cleared = True
        self.save(commit=commit)

    def add_next_step(
        self, href: str, ui_href: str, step_id: str, commit: bool = False
    ) -> None:
        """Add a step.

        Args:
            href: the endpoint that takes the step's input, absolute or relative.
            ui_href: the step's micro frontend.
            step_id: the plugin's identifier of the step.
            commit: commit everything in the session.

        Raises:
            AssertionError: the previous step is not cleared.
        """
        if self.steps and not self.steps[-1].cleared:
            raise AssertionError(
                f"task {self.id} waits for step {self.steps[-1].step_id!r}; "
                "call clear_previous_step() before adding another step"
            )
        self.multi_step = True
        self.current_step = len(self.steps)
        self.steps.append(Step(id=self.id, step_id=step_id, href=href, ui_href=ui_href))
        self.save(commit=commit)

    def add_task_log_entry(self, task_log: str, commit: bool = False) -> None:
        """Append a line to the log.

        Args:
            task_log: the line, without a line end.
            commit: commit everything in the session.
        """
        if not _state_of(self).persistent:
            self.log_start = (
                f"{self.log_start}\n{task_log}" if self.log_start else task_log
            )
        else:
            DB.session.add(TaskLogEntry(self, storable(task_log)))
            DB.session.expire(self, ["log_entries"])
        self.save(commit=commit)

    @property
    def cancel_requested(self) -> bool:
        """Whether the task was asked to stop, for the loops of long tasks.

        Queries the database each time. A task in its own process is stopped in any case.
        """
        query = sa.select(ProcessingTask.state).filter_by(id=self.id)
        return DB.session.execute(query).scalar() in (
            TaskState.CANCELLING,
            TaskState.CANCELLED,
        )


@sa.event.listens_for(ProcessingTask, "expire", propagate=True)
def _keep_id(task: ProcessingTask | None, names: Any) -> None:
    """Keep the id, which does not change: views ask for it right after they have saved the task."""
    # A state may outlive its object, which is None then.
    if task is not None and names is None and (identity := _state_of(task).identity):
        task.__dict__["id"] = identity[0]


@sa.event.listens_for(ProcessingTask.steps, "append", propagate=True)
def _number_step(task: ProcessingTask, step: "Step", _initiator: Any) -> None:
    """Number a step by its position."""
    step.number = sum(other is not step for other in task.steps)


def goes_with_task(owner: Any) -> None:
    """Delete the rows of a table together with their task.

    Args:
        owner: the foreign key to the task.
    """

    @sa.event.listens_for(ProcessingTask, "before_delete", propagate=True)
    def remove(_mapper: Any, connection: sa.Connection, task: ProcessingTask) -> None:
        connection.execute(sa.delete(owner.class_).where(owner == task.id))


class Step(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A point at which a task waits for input.

    Attributes:
        id: the id of the task.
        step_id: the plugin's identifier of the step.
        href: the endpoint that takes the input, absolute or relative to the task.
        ui_href: the micro frontend for it, absolute or relative.
        cleared: whether the input has arrived.
        number: the position in the task's steps, from 0.
    """

    __tablename__ = "Step"

    id: Mapped[int] = mapped_column(sa.ForeignKey(ProcessingTask.id), primary_key=True)
    step_id: Mapped[str | None] = mapped_column(sa.String(500))
    href: Mapped[str | None] = mapped_column(sa.String(500))
    ui_href: Mapped[str | None] = mapped_column(sa.String(500))
    cleared: Mapped[bool | None] = mapped_column(default=False)
    number: Mapped[int] = mapped_column(primary_key=True, default=0)
    task: Mapped[ProcessingTask] = relationship(
        back_populates="steps", init=False, repr=False, compare=False
    )


@sa.event.listens_for(Step.task, "set", propagate=True)
def _load_steps(_step: Step, task: ProcessingTask | None, *_args: Any) -> None:
    """Load the steps of a task before another one is set, when SQLAlchemy cannot load them."""
    session = None if task is None else object_session(task)
    if task is not None and session is not None and _state_of(task).persistent:
        with session.no_autoflush:
            len(task.steps)


class TaskLogEntry(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """Lines appended to the log of a task.

    Attributes:
        task: the task.
        text: one or more lines, without a line end.
    """

    __tablename__ = "TaskLogEntry"
    __table_args__ = (sa.Index("ix_TaskLogEntry_task_id", "task_id", "id"),)

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task_id: Mapped[int] = mapped_column(sa.ForeignKey(ProcessingTask.id), init=False)
    task: Mapped[ProcessingTask] = relationship(repr=False, compare=False)
    text: Mapped[str] = mapped_column(sa.Text)


goes_with_task(TaskLogEntry.task_id)
goes_with_task(WebhookDelivery.task_id)


class TaskFile(Saved, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A file that a task produced.

    Attributes:
        task: the task that produced it; ``None`` for a file of no task.
        security_tag: a random text that downloads have to provide.
        storage_provider: the name of the store.
        file_name: the name that clients see.
        file_storage_data: the store's identifier of the file.
        file_type: the data type (``entity/list``), or ``temp-file``.
        mimetype: such as ``text/csv``.
        created_at: time at which the file was saved, in UTC.
        size: bytes; ``None`` if the store does not know.
        sha256: digest of the content in hexadecimal digits; ``None`` if the store does not know.
        message: the message that the worker was processing; ``None`` outside of workers.
    """

    __tablename__ = "TaskFile"
    __table_args__ = (
        sa.Index(
            "ix_TaskFile_temporary",
            "id",
            sqlite_where=_IS_TEMP_FILE,
            postgresql_where=_IS_TEMP_FILE,
        ),
        sa.Index("ix_TaskFile_file_type", "file_type", "id"),
    )

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task: Mapped[ProcessingTask | None] = relationship(
        back_populates="outputs", repr=False, compare=False
    )
    security_tag: Mapped[str] = mapped_column(sa.String(64))
    storage_provider: Mapped[str] = mapped_column(sa.String(64))
    file_name: Mapped[str] = mapped_column(sa.String(500), index=True)
    file_storage_data: Mapped[str] = mapped_column(sa.Text)
    file_type: Mapped[str | None] = mapped_column(sa.String(255))
    mimetype: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    created_at: Mapped[datetime | None] = mapped_column(
        UtcTimestamp(), default_factory=utc_now
    )
    task_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey(ProcessingTask.id), init=False, index=True
    )
    size: Mapped[int | None] = mapped_column(sa.BigInteger, default=None)
    sha256: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    message: Mapped[str | None] = mapped_column(
        sa.String(32), default_factory=delivery_id, init=False, repr=False
    )

    @classmethod
    def get_by_id(cls, id_: int) -> Self | None:
        """Return the file with this id, or ``None``."""
        return DB.session.get(cls, id_)

    @classmethod
    def get_task_result_files(cls, task: ProcessingTask | int) -> Sequence[Self]:
        """Return the outputs of a task in the order in which they were saved."""
        task_id = task if isinstance(task, int) else task.id
        if task_id is not None and abs(task_id) > MAX_ID:
            return []
        query = sa.select(cls).filter_by(task_id=task_id).order_by(cls.id)
        return [file for file in DB.session.execute(query).scalars() if file.is_output]

    @property
    def is_output(self) -> bool:
        """Whether the file is listed: temporary and untyped files are internal."""
        return bool(self.file_type and self.mimetype) and self.file_type != TEMP_FILE


class TaskLink(Saved, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A link that a plugin adds to a task.

    Attributes:
        task: the task.
        type: the purpose of the link.
        href: the target, absolute or relative to the URL of the task.
    """

    __tablename__ = "TaskLink"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task: Mapped[ProcessingTask | None] = relationship(
        back_populates="links", repr=False, compare=False
    )
    type: Mapped[str] = mapped_column(sa.String(64))
    href: Mapped[str] = mapped_column(sa.String(500))
    task_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey(ProcessingTask.id), init=False, index=True
    )
