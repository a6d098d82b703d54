"""Tasks: one row for each thing that a user started, with its steps, files, links and subscribers."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, Self

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Float,
    ForeignKey,
    Select,
    String,
    Text,
    bindparam,
    delete,
    exists,
    select,
)
from sqlalchemy.orm import (
    Mapped,
    MappedAsDataclass,
    mapped_column,
    relationship,
)
from sqlalchemy.orm.attributes import set_committed_value

from ..db import DB, UtcTimestamp, utc_now
from .mutable_json import JSON_LIKE, MutableJSON

__all__ = [
    "DB",
    "JSON_LIKE",
    "ProcessingTask",
    "Step",
    "TaskFile",
    "TaskLink",
    "TaskUpdateSubscription",
    "WebhookRef",
]

TEMP_FILE = "temp-file"
"""The file type of temporary files, which are never listed as outputs."""


class _Saved:
    """Rows that save themselves."""

    def save(self, commit: bool = False) -> None:
        """Add the row to the session.

        Parameters:
            commit: commit everything in the session.
        """
        DB.session.add(self)
        if commit:
            DB.session.commit()


class ProcessingTask(_Saved, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """One run of a plugin.

    Attributes:
        id: what plugins hand to their Celery tasks as ``db_id``.
        task_name: the name of the Celery task that was started.
        started_at: when the row was made, in UTC.
        finished_at: when the task has ended, in UTC; ``None`` before.
        parameters: the input as the plugin wrote it, usually JSON text.
        data: what the plugin wants to remember, any JSON value; nested changes are noticed.
        multi_step: whether the task has, or had, steps.
        steps: the points at which the task has waited for input, oldest first.
        current_step: the number of the newest step, -1 before the first one.
        progress_value: ``None`` until progress is reported; between start and target.
        progress_start: the value at which nothing is done.
        progress_target: the value at which all is done.
        progress_unit: what the three numbers count, for people.
        task_status: ``None`` until finished, then ``SUCCESS`` or ``FAILURE``.
        task_log: lines for the user.
        outputs: all files of the task, temporary ones included, in the order saved.
        links: what the plugin shows with the task.
        subscriptions: the webhooks that are told of changes.
    """

    __tablename__ = "ProcessingTask"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task_name: Mapped[str | None] = mapped_column(String(500))
    started_at: Mapped[datetime | None] = mapped_column(
        UtcTimestamp(), default_factory=utc_now
    )
    finished_at: Mapped[datetime | None] = mapped_column(UtcTimestamp(), default=None)
    parameters: Mapped[str | None] = mapped_column(Text, default="")
    data: Mapped[JSON_LIKE] = mapped_column(
        MutableJSON.as_mutable(JSON()), nullable=True, default_factory=dict
    )
    multi_step: Mapped[bool | None] = mapped_column(default=False)
    steps: Mapped[list["Step"]] = relationship(
        back_populates="task", order_by="Step.number", default_factory=list
    )
    current_step: Mapped[int | None] = mapped_column(default=-1)
    progress_value: Mapped[float | None] = mapped_column(Float, default=None)
    progress_start: Mapped[float | None] = mapped_column(Float, default=0.0)
    progress_target: Mapped[float | None] = mapped_column(Float, default=100.0)
    progress_unit: Mapped[str | None] = mapped_column(String(100), default="%")
    task_status: Mapped[str | None] = mapped_column(String(100), default=None)
    task_log: Mapped[str] = mapped_column(Text, default="")
    outputs: Mapped[list["TaskFile"]] = relationship(
        back_populates="task", order_by="TaskFile.id", default_factory=list
    )
    links: Mapped[list["TaskLink"]] = relationship(
        back_populates="task", order_by="TaskLink.id", default_factory=list
    )
    subscriptions: Mapped[list["TaskUpdateSubscription"]] = relationship(
        back_populates="task", order_by="TaskUpdateSubscription.id", default_factory=list
    )

    @classmethod
    def get_by_id(cls, id_: int) -> Self | None:
        """Return the task with this id, or ``None``."""
        return DB.session.get(cls, id_)

    @classmethod
    def get_with_details(cls, id_: int) -> Self | None:
        """Return a task to show its status, fresh from the database.

        Clients ask for tasks over and over, most of them without steps, links and outputs.
        The one query tells which of these are empty; the others are loaded when looked at.
        """
        row = DB.session.execute(
            _query_for_details(),
            {"id": id_},
            execution_options={"populate_existing": True},
        ).first()
        if row is None:
            return None
        task: Self
        task, *are_there = row
        for name, is_there in zip(("steps", "links", "outputs"), are_there):
            if not is_there:
                set_committed_value(task, name, [])
        return task

    @property
    def is_finished(self) -> bool:
        """Whether the task has ended, in whatever way."""
        return self.finished_at is not None

    @property
    def is_ok(self) -> bool:
        """Whether the task has finished with success."""
        return self.is_finished and self.task_status == "SUCCESS"

    @property
    def status(self) -> str:
        """``PENDING`` until finished, then the status that was set, or ``UNKNOWN``."""
        if not self.is_finished:
            return "PENDING"
        return self.task_status or "UNKNOWN"

    @property
    def has_uncleared_step(self) -> bool:
        """Whether the newest step waits for its input."""
        return bool(self.steps) and not self.steps[-1].cleared

    def clear_previous_step(self, commit: bool = False) -> None:
        """Mark the newest step, when there is one, as done.

        Parameters:
            commit: commit everything in the session.
        """
        if self.steps:
            self.steps[-1].cleared = True
        self.save(commit=commit)

    def add_next_step(
        self, href: str, ui_href: str, step_id: str, commit: bool = False
    ) -> None:
        """Open a new step.

        Parameters:
            href: the endpoint that takes the step's input, absolute or relative.
            ui_href: the step's micro frontend.
            step_id: the plugin's name for the step.
            commit: commit everything in the session.

        Raises:
            AssertionError: the previous step is not cleared.
        """
        if self.has_uncleared_step:
            raise AssertionError(
                f"task {self.id} waits for step {self.steps[-1].step_id!r}; "
                "call clear_previous_step() before adding another step"
            )
        self.multi_step = True
        self.current_step = len(self.steps)
        self.steps.append(
            Step(
                id=self.id,
                step_id=step_id,
                href=href,
                ui_href=ui_href,
                number=len(self.steps),
            )
        )
        self.save(commit=commit)

    def add_task_log_entry(self, task_log: str, commit: bool = False) -> None:
        """Append a line to the log.

        Parameters:
            task_log: the line, without a line end.
            commit: commit everything in the session.
        """
        self.task_log = f"{self.task_log}\n{task_log}" if self.task_log else task_log
        self.save(commit=commit)


@cache  # to build the query takes as long as to run it
def _query_for_details() -> Select[*tuple[Any, ...]]:
    """Return the query for a task ``id``, and whether it has steps, links and outputs."""
    owners = (Step.id, TaskLink.task_id, TaskFile.task_id)
    has_some = (exists().where(owner == ProcessingTask.id) for owner in owners)
    query = select(ProcessingTask, *has_some)
    return query.where(ProcessingTask.id == bindparam("id"))


class Step(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A point at which a task waits for input.

    Attributes:
        id: the id of the task.
        step_id: the plugin's name for the step.
        href: the endpoint that takes the input, absolute or relative to the task.
        ui_href: the micro frontend that asks for it, likewise.
        cleared: whether the input has come.
        number: the position in the task's steps, from 0.
    """

    __tablename__ = "Step"

    id: Mapped[int] = mapped_column(ForeignKey(ProcessingTask.id), primary_key=True)
    step_id: Mapped[str | None] = mapped_column(String(500))
    href: Mapped[str | None] = mapped_column(String(500))
    ui_href: Mapped[str | None] = mapped_column(String(500))
    cleared: Mapped[bool | None] = mapped_column(default=False)
    number: Mapped[int] = mapped_column(primary_key=True, default=0)
    task: Mapped[ProcessingTask] = relationship(
        back_populates="steps", init=False, repr=False, compare=False
    )


class TaskFile(_Saved, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A file that a task produced.

    Attributes:
        task: the task that produced it; ``None`` for a file of no task.
        security_tag: unguessable text that a download must present.
        storage_provider: the name of the store that has the file.
        file_name: the name that clients see.
        file_storage_data: where the store finds the file; only the store understands it.
        file_type: the data type (``entity/list``), or ``temp-file``.
        mimetype: such as ``text/csv``.
        created_at: when the file was saved, in UTC.
        size: bytes; ``None`` where the store does not know.
        sha256: digest of the content in hexadecimal digits; ``None`` likewise.
    """

    __tablename__ = "TaskFile"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task: Mapped[ProcessingTask | None] = relationship(
        back_populates="outputs", repr=False, compare=False
    )
    security_tag: Mapped[str] = mapped_column(String(64))
    storage_provider: Mapped[str] = mapped_column(String(64))
    file_name: Mapped[str] = mapped_column(String(500), index=True)
    file_storage_data: Mapped[str] = mapped_column(Text)
    file_type: Mapped[str | None] = mapped_column(String(255))
    mimetype: Mapped[str | None] = mapped_column(String(255), default=None)
    created_at: Mapped[datetime | None] = mapped_column(
        UtcTimestamp(), default_factory=utc_now
    )
    task_id: Mapped[int | None] = mapped_column(
        ForeignKey(ProcessingTask.id), init=False, index=True
    )
    size: Mapped[int | None] = mapped_column(BigInteger, default=None)
    sha256: Mapped[str | None] = mapped_column(String(64), default=None)

    @classmethod
    def get_by_id(cls, id_: int) -> Self | None:
        """Return the file with this id, or ``None``."""
        return DB.session.get(cls, id_)

    @classmethod
    def get_task_result_files(cls, task: ProcessingTask | int) -> Sequence[Self]:
        """Return the outputs of a task in the order they were saved."""
        task_id = task if isinstance(task, int) else task.id
        query = select(cls).filter_by(task_id=task_id).order_by(cls.id)
        return [file for file in DB.session.execute(query).scalars() if file.is_output]

    @property
    def is_output(self) -> bool:
        """Whether clients get to see the file: temporary and untyped ones are internal."""
        return bool(self.file_type and self.mimetype) and self.file_type != TEMP_FILE


class TaskLink(_Saved, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A link that a plugin shows with the task.

    Attributes:
        task: the task.
        type: what the link is for.
        href: the target, absolute or relative to the URL of the task.
    """

    __tablename__ = "TaskLink"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task: Mapped[ProcessingTask | None] = relationship(
        back_populates="links", repr=False, compare=False
    )
    type: Mapped[str] = mapped_column(String(64))
    href: Mapped[str] = mapped_column(String(500))
    task_id: Mapped[int | None] = mapped_column(
        ForeignKey(ProcessingTask.id), init=False, index=True
    )


class WebhookRef(NamedTuple):
    """Whom to tell, and about which task (its URL as the subscriber knows it)."""

    webhook_href: str
    task_href: str


class TaskUpdateSubscription(_Saved, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A webhook that wants to know of changes.

    Attributes:
        task: the task whose changes are meant.
        webhook_href: the URL to call.
        task_href: the URL of the task as the subscriber knows it.
        event_type: ``status``, ``steps`` or ``details``; ``None`` stands for all of them.
    """

    __tablename__ = "TaskUpdateSubscription"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task: Mapped[ProcessingTask | None] = relationship(
        back_populates="subscriptions", repr=False, compare=False
    )
    webhook_href: Mapped[str] = mapped_column(String(500))
    task_href: Mapped[str] = mapped_column(String(500))
    event_type: Mapped[str | None] = mapped_column(String(64), default=None)
    task_id: Mapped[int | None] = mapped_column(
        ForeignKey(ProcessingTask.id), init=False, index=True
    )

    @classmethod
    def get_by_task_and_subscriber(
        cls, task: ProcessingTask | int, webhook_href: str, event: str | None = None
    ) -> Self | None:
        """Return the subscription of one webhook to exactly this event, or ``None``.

        Parameters:
            task: the task or its id.
            webhook_href: the URL that is called.
            event: ``status``, ``steps`` or ``details``; ``None`` is the one to all events.
        """
        task_id = task if isinstance(task, int) else task.id
        query = select(cls).filter_by(
            task_id=task_id, webhook_href=webhook_href, event_type=event
        )
        return DB.session.execute(query.limit(1)).scalar_one_or_none()

    @classmethod
    def subscribe(
        cls,
        task: ProcessingTask,
        webhook_href: str,
        task_href: str,
        event: str | None = None,
    ) -> None:
        """Add a subscription, unless it is there already, and commit."""
        if cls.get_by_task_and_subscriber(task, webhook_href, event) is None:
            cls(task, webhook_href, task_href, event).save(commit=True)

    @classmethod
    def unsubscribe(
        cls, task: ProcessingTask, webhook_href: str, event: str | None = None
    ) -> None:
        """End the subscription to exactly this event, when there is one, and commit."""
        same = {"task_id": task.id, "webhook_href": webhook_href, "event_type": event}
        DB.session.execute(delete(cls).filter_by(**same))
        DB.session.commit()

    @classmethod
    def get_by_task_and_event(
        cls, task: ProcessingTask | int, event: str | None = None
    ) -> Sequence[WebhookRef]:
        """Return whom to tell of an event: its subscribers and those of all events.

        Parameters:
            task: the task or its id.
            event: ``status``, ``steps`` or ``details``; ``None`` asks for the subscribers of
                all events only.
        """
        task_id = task if isinstance(task, int) else task.id
        wanted: ColumnElement[bool] = cls.event_type.is_(None)
        if event is not None:
            wanted = wanted | (cls.event_type == event)
        query = select(cls.webhook_href, cls.task_href).filter(
            cls.task_id == task_id, wanted
        )
        rows = DB.session.execute(query.order_by(cls.id)).all()
        return list(dict.fromkeys(WebhookRef(*row) for row in rows))
