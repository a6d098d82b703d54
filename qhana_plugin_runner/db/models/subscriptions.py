"""Subscriptions to the changes of tasks, and the webhook calls for them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column, relationship

from ..db import DB, MAX_ID, UtcTimestamp
from .saved import Saved

if TYPE_CHECKING:
    from .tasks import ProcessingTask


class WebhookRef(NamedTuple):
    """A subscriber and the URL of the task as the subscriber knows it."""

    webhook_href: str
    task_href: str


class TaskUpdateSubscription(Saved, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A subscription of a webhook to changes of a task.

    Attributes:
        task: the task.
        webhook_href: the URL to call.
        task_href: the URL of the task as the subscriber knows it.
        event_type: ``status``, ``steps`` or ``details``; ``None`` stands for all of them.
    """

    __tablename__ = "TaskUpdateSubscription"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task: Mapped[Any] = relationship(
        "ProcessingTask", back_populates="subscriptions", repr=False, compare=False
    )
    webhook_href: Mapped[str] = mapped_column(sa.String(500))
    task_href: Mapped[str] = mapped_column(sa.String(500))
    event_type: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    task_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("ProcessingTask.id"), init=False, index=True
    )

    @classmethod
    def get_by_task_and_subscriber(
        cls, task: "ProcessingTask | int", webhook_href: str, event: str | None = None
    ) -> list[Self]:
        """Return the subscriptions of one webhook, oldest first.

        Args:
            task: the task or its id.
            webhook_href: the URL that is called.
            event: only subscriptions to exactly this event: ``status``, ``steps`` or ``details``.
        """
        query = sa.select(cls).where(_is_of(task), cls.webhook_href == webhook_href)
        if event is not None:
            query = query.where(cls.event_type == event)
        return list(DB.session.execute(query.order_by(cls.id)).scalars())

    @classmethod
    def subscribe(
        cls,
        task: "ProcessingTask",
        webhook_href: str,
        task_href: str,
        event: str | None = None,
    ) -> None:
        """Add a subscription unless it exists, and commit."""
        others = cls.get_by_task_and_subscriber(task, webhook_href)
        if all(each.event_type != event for each in others):
            cls(task, webhook_href, task_href, event).save(commit=True)

    @classmethod
    def unsubscribe(
        cls, task: "ProcessingTask", webhook_href: str, event: str | None = None
    ) -> None:
        """Remove the subscription to exactly this event, if it exists, and commit."""
        same = {"task_id": task.id, "webhook_href": webhook_href, "event_type": event}
        DB.session.execute(sa.delete(cls).filter_by(**same))
        DB.session.commit()

    @classmethod
    def get_by_task_and_event(
        cls, task: "ProcessingTask | int", event: str | None = None
    ) -> Sequence[WebhookRef]:
        """Return the subscribers of an event, with those of all events.

        Args:
            task: the task or its id.
            event: ``status``, ``steps`` or ``details``; ``None`` returns all subscribers.
        """
        query = sa.select(cls.webhook_href, cls.task_href).where(_is_of(task))
        if event is not None:
            query = query.where(sa.or_(cls.event_type.is_(None), cls.event_type == event))
        rows = DB.session.execute(query.order_by(cls.id)).all()
        return list(dict.fromkeys(WebhookRef(*row) for row in rows))


def _is_of(task: "ProcessingTask | int") -> sa.ColumnElement[bool]:
    task_id = task if isinstance(task, int) else task.id
    if task_id is not None and abs(task_id) > MAX_ID:
        return sa.false()
    return TaskUpdateSubscription.task_id == task_id


class WebhookDelivery(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A webhook call, pending or made: a row of the outbox.

    The row is written in the transaction of the change.

    Attributes:
        task_id: the changed task.
        webhook_href: the URL to call.
        task_href: the URL of the task as the subscriber knows it.
        event_type: ``status``, ``steps`` or ``details``.
        created_at: time of the change in UTC.
        due_at: time of the next attempt in UTC; ``None`` after the last one.
        attempts: the number of attempts.
        last_attempt_at: time of the last attempt in UTC.
        last_answer: its outcome as text: a status or the reason of a failure.
        delivered_at: time of the successful attempt in UTC.
        request_id: names the HTTP request that has led to the change.
    """

    __tablename__ = "WebhookDelivery"
    # With a thousand subscribers, a change looks for the delivery to each of them.
    __table_args__ = (sa.Index("ix_WebhookDelivery_task_id", "task_id", "webhook_href"),)

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("ProcessingTask.id"))
    webhook_href: Mapped[str] = mapped_column(sa.String(500))
    task_href: Mapped[str] = mapped_column(sa.String(500))
    event_type: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UtcTimestamp())
    due_at: Mapped[datetime | None] = mapped_column(UtcTimestamp(), index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcTimestamp(), default=None)
    last_answer: Mapped[str | None] = mapped_column(sa.String(500), default=None)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcTimestamp(), default=None)
    request_id: Mapped[str | None] = mapped_column(sa.String(128), default=None)
