"""Who wants to know of a task's changes, and the calls that tell them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Self

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    String,
    delete,
    false,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column, relationship

from ..db import DB, LARGEST_ID, UtcTimestamp
from .saved import Saved

if TYPE_CHECKING:
    from .tasks import ProcessingTask


class WebhookRef(NamedTuple):
    """Whom to tell, and about which task (its URL as the subscriber knows it)."""

    webhook_href: str
    task_href: str


class TaskUpdateSubscription(Saved, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A webhook that wants to know of changes.

    Attributes:
        task: the task whose changes are meant.
        webhook_href: the URL to call.
        task_href: the URL of the task as the subscriber knows it.
        event_type: ``status``, ``steps`` or ``details``; ``None`` stands for all of them.
    """

    __tablename__ = "TaskUpdateSubscription"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task: Mapped["ProcessingTask | None"] = relationship(
        back_populates="subscriptions", repr=False, compare=False
    )
    webhook_href: Mapped[str] = mapped_column(String(500))
    task_href: Mapped[str] = mapped_column(String(500))
    event_type: Mapped[str | None] = mapped_column(String(64), default=None)
    task_id: Mapped[int | None] = mapped_column(
        ForeignKey("ProcessingTask.id"), init=False, index=True
    )

    @classmethod
    def get_by_task_and_subscriber(
        cls, task: "ProcessingTask | int", webhook_href: str, event: str | None = None
    ) -> list[Self]:
        """Return the subscriptions of one webhook, oldest first.

        Parameters:
            task: the task or its id.
            webhook_href: the URL that is called.
            event: only those to exactly this event: ``status``, ``steps`` or ``details``.
        """
        query = select(cls).where(_is_of(task), cls.webhook_href == webhook_href)
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
        """Add a subscription, unless it is there already, and commit."""
        known = cls.get_by_task_and_subscriber(task, webhook_href)
        if all(subscription.event_type != event for subscription in known):
            cls(task, webhook_href, task_href, event).save(commit=True)

    @classmethod
    def unsubscribe(
        cls, task: "ProcessingTask", webhook_href: str, event: str | None = None
    ) -> None:
        """End the subscription to exactly this event, when there is one, and commit."""
        same = {"task_id": task.id, "webhook_href": webhook_href, "event_type": event}
        DB.session.execute(delete(cls).filter_by(**same))
        DB.session.commit()

    @classmethod
    def get_by_task_and_event(
        cls, task: "ProcessingTask | int", event: str | None = None
    ) -> Sequence[WebhookRef]:
        """Return whom to tell of an event: its subscribers and those of all events.

        Parameters:
            task: the task or its id.
            event: ``status``, ``steps`` or ``details``; ``None`` asks for all subscribers.
        """
        query = select(cls.webhook_href, cls.task_href).where(_is_of(task))
        if event is not None:
            query = query.where(or_(cls.event_type.is_(None), cls.event_type == event))
        rows = DB.session.execute(query.order_by(cls.id)).all()
        return list(dict.fromkeys(WebhookRef(*row) for row in rows))


def _is_of(task: "ProcessingTask | int") -> ColumnElement[bool]:
    task_id = task if isinstance(task, int) else task.id
    if task_id is not None and abs(task_id) > LARGEST_ID:
        return false()
    return TaskUpdateSubscription.task_id == task_id


class WebhookDelivery(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A call of a webhook that is to be made, or was: the outbox of the runner.

    The row is written in the transaction of the change that it tells of.

    Attributes:
        task_id: the task that has changed.
        webhook_href: the URL to call.
        task_href: the URL of the task as the subscriber knows it.
        event_type: ``status``, ``steps`` or ``details``.
        created_at: when the change was written, in UTC.
        due_at: when to call next, in UTC; ``None`` when no more calls are made.
        attempts: how many calls were made.
        last_attempt_at: when the last call was made, in UTC.
        last_answer: what it came to, for people: a status or the reason of a failure.
        delivered_at: when the receiver had got the call, in UTC.
    """

    __tablename__ = "WebhookDelivery"
    # With a thousand subscribers, a change looks for the delivery to each of them.
    __table_args__ = (Index("ix_WebhookDelivery_task_id", "task_id", "webhook_href"),)

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("ProcessingTask.id"))
    webhook_href: Mapped[str] = mapped_column(String(500))
    task_href: Mapped[str] = mapped_column(String(500))
    event_type: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcTimestamp())
    due_at: Mapped[datetime | None] = mapped_column(UtcTimestamp(), index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcTimestamp(), default=None)
    last_answer: Mapped[str | None] = mapped_column(String(500), default=None)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcTimestamp(), default=None)
