"""The outbox: the calls of webhooks that are to be made, one row for each.

A row is written in the transaction of the change that it tells of. So there is a call for each
change that was saved, and for no other one.
"""

from collections.abc import Sequence
from functools import cache

from blinker import Signal
from flask import current_app
from sqlalchemy import (
    Insert,
    Integer,
    String,
    Subquery,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
)

from ..db import DB
from ..db.after_commit import run_after_commit
from ..db.db import database_time
from ..db.models.subscriptions import TaskUpdateSubscription, WebhookDelivery
from ..db.statements import execute, execute_compiled
from ..util.request_id import request_id

CALLS_ADDED = Signal(
    "Sent with the app when a transaction that has added calls is committed."
)

PRUNED_AT_ONCE = 1000
"""Rows removed in one transaction: SQLite has one writer at a time, and others wait for it."""


def enqueue(task_id: int, *events: str) -> None:
    """Add the calls that tell the subscribers of a task of a change; the caller commits.

    It is one statement, whether there are subscribers or not. The body of a call is empty: the
    receiver asks what has changed. So a call that is about to be made anyway tells of this
    change, too, and no second one is added.

    Args:
        task_id: the task
        events: among ``status``, ``steps``, ``details``, in the order of the calls
    """
    if not events:
        return
    once = list(dict.fromkeys(events))
    values: dict[str, str | None]
    values = {f"event_{number}": event for number, event in enumerate(once)}
    values |= {"asked_by": request_id() or None}
    added = execute_compiled(_adding(len(once)), changed_task=task_id, **values)
    if added.rowcount:
        run_after_commit(DB.session(), _send_added)


def _send_added() -> None:
    CALLS_ADDED.send(current_app._get_current_object())  # type: ignore[attr-defined]


@cache
def _adding(count: int) -> Insert:
    """Return the statement that adds calls for so many events: building it costs more than running it.

    It begins with ``INSERT`` for the sake of the module sqlite3, which would not begin a
    transaction for a ``WITH``.
    """
    subscription, delivery = TaskUpdateSubscription, WebhookDelivery
    changes = _table_of_events(count)
    task_id = bindparam("changed_task", type_=Integer())
    # Asked once for all rows: calls that are due at the same time are made in their order.
    now = select(database_time()).scalar_subquery()
    # Locked, so that none of these calls is made before the change is there to be seen. Those
    # that are locked already are about to be made, or others add to them: they do not count.
    # SQLite has one writer at a time, and knows no such lock.
    is_coming = (
        select(delivery.id)
        .where(
            delivery.task_id == task_id,
            delivery.webhook_href == subscription.webhook_href,
            delivery.task_href == subscription.task_href,
            delivery.event_type == changes.c.event_type,
            delivery.attempts == 0,
            delivery.due_at.is_not(None),
        )
        .with_for_update(skip_locked=True)
        .exists()
    )
    wanted = or_(
        subscription.event_type.is_(None), subscription.event_type == changes.c.event_type
    )
    what = (
        subscription.task_id,
        subscription.webhook_href,
        subscription.task_href,
        changes.c.event_type,
    )
    asked_by = bindparam("asked_by", type_=String())
    calls = (
        select(*what, now, now, literal(0), asked_by)
        .join(changes, wanted)
        .where(subscription.task_id == task_id, ~is_coming)
        # A webhook that is subscribed to one event and to all of them is called once.
        .group_by(*what, changes.c.number)
        .order_by(changes.c.number, func.min(subscription.id))
    )
    columns = ["task_id", "webhook_href", "task_href", "event_type"]
    columns += ["created_at", "due_at", "attempts", "request_id"]
    # The table, as values for a model are taken for those of a row.
    table = delivery.__table__
    assert isinstance(table, Table)
    return insert(table).from_select(columns, calls, include_defaults=False)


def _table_of_events(count: int) -> Subquery:
    rows = [
        select(
            bindparam(f"event_{number}", type_=String()).label("event_type"),
            literal(number).label("number"),
        )
        for number in range(count)
    ]
    return (union_all(*rows) if count > 1 else rows[0]).subquery("changes")


def log_of(task_id: int, limit: int) -> Sequence[WebhookDelivery]:
    """Return the deliveries of a task, newest first."""
    query = select(WebhookDelivery).filter_by(task_id=task_id)
    newest = query.order_by(WebhookDelivery.id.desc()).limit(limit)
    return DB.session.execute(newest).scalars().all()


def prune(older_than_seconds: float) -> int:
    """Remove deliveries that are done with and were written longer ago than that; commits.

    Returns:
        how many
    """
    delivery = WebhookDelivery
    # Asked once for all rows.
    limit = select(database_time(-older_than_seconds)).scalar_subquery()
    removed = 0
    while True:
        old = select(delivery.id).where(
            delivery.due_at.is_(None), delivery.created_at < limit
        )
        ids = DB.session.execute(old.limit(PRUNED_AT_ONCE)).scalars().all()
        if ids:
            statement = delete(delivery).where(delivery.id.in_(ids))
            execute(statement)
        DB.session.commit()
        removed += len(ids)
        if len(ids) < PRUNED_AT_ONCE:
            return removed
