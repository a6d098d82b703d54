"""The delivery: takes due calls from the outbox, has them made, and writes down what came of it."""

import logging
from collections.abc import Iterable
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Row, and_, case, delete, exists, or_, select, update

from ...db import DB
from ...db.db import DAY, as_utc, database_time
from ...db.models.subscriptions import TaskUpdateSubscription, WebhookDelivery
from ...db.models.tasks import storable
from ...db.statements import execute
from ...requests import display_url, rewrite_url
from ...util.backoff import backoff
from ...util.current_message import working_on
from .call import WEBHOOK_TIMEOUT, Answer, Meaning
from .calls import Call, Calls
from .signature import signature_headers

CLAIM_SECONDS = 60.0
"""After how long another process makes a call that this one has begun and never ended: a call
takes 11 s at most, and the rest is for a process or a database that is slow for once."""

RETRY_SECONDS = DAY
"""For how long failed calls are repeated: a server that dies in the evening is found dead, and
repaired, on the next day."""

FIRST_PAUSE = 4.0
"""Seconds; the longest pause before the second attempt. It doubles with each attempt."""

MAX_PAUSE = 60 * 60.0
"""Seconds; a receiver that was away for long learns of everything within an hour."""

MIN_PAUSE = 1.0
"""Seconds, also when the dice say 0."""

WINDOW = 32
"""Due calls that are looked at in one query: twice those that can be under way."""

MAX_WAIT = 0.25
"""Seconds that one turn waits for answers. Most come within milliseconds."""

_logger = logging.getLogger(__name__)


class Delivery:
    """Delivers what is in the outbox.

    Several processes may do so at once: a row is claimed by one of them. A call is made at least
    once: it is repeated when the process dies before it has written down the answer.

    Args:
        timeout: seconds in which a receiver has to answer
        in_threads: whether a turn leaves calls to threads, and does not wait for slow ones
    """

    def __init__(self, timeout: float = WEBHOOK_TIMEOUT, in_threads: bool = True) -> None:
        self._calls = Calls(timeout, in_threads)
        self._answers: dict[Call, Answer] = {}

    @property
    def is_idle(self) -> bool:
        """Whether no call is under way, and no answer is still to be written."""
        return not self._answers and self._calls.is_idle

    def turn(self) -> bool:
        """Begin the calls that are due, as many as there is room for; commits.

        It does not wait for slow ones: later turns write down what came of them.

        Returns:
            whether there may be more to do at once
        """
        began = self._begin()
        self._answers |= self._calls.answers(wait=MAX_WAIT)
        ended = bool(self._answers)
        self._write_answers()
        return began or ended

    def _begin(self) -> bool:
        chosen = self._choose()
        claimed = _claim(chosen)
        DB.session.commit()
        for call in chosen:
            if call.delivery_id in claimed:
                self._calls.start(call)
        return bool(claimed)

    def _choose(self) -> list[Call]:
        """Return due calls for which there is room, the oldest first."""
        calls, chosen, full = self._calls, list[Call](), set[str]()
        while calls.has_room(chosen):
            full |= calls.full_prefixes(chosen)
            before = len(chosen), len(full)
            repeated = calls.has_room(chosen, repeated=True)
            rows = DB.session.execute(_due(full, repeated)).all()
            for call in map(_call, rows):
                if calls.fits(call, chosen):
                    chosen.append(call)
                elif calls.is_full_for(call.host, chosen):
                    full.add(call.prefix)
            if len(rows) < WINDOW or before == (len(chosen), len(full)):
                break
        return chosen

    def _write_answers(self) -> None:
        """Write down what came of the calls. What cannot be written now is written later."""
        if not self._answers:
            return
        # In one order for all, so that two processes never wait for each other.
        for call in sorted(self._answers, key=lambda call: call.delivery_id):
            with working_on(call.message):
                _write(call, self._answers[call])
        DB.session.commit()
        self._answers.clear()


def _call(row: Row[Any]) -> Call:
    # Rows of SQLite may get the number of one that was removed.
    call_id = f"msg_{row.id}_{int(as_utc(row.created_at).timestamp() * 1e6):x}"
    secrets = current_app.config["WEBHOOK_SECRET"] or ()
    return Call(
        row.id,
        row.attempts + 1,
        row.webhook_href,
        row.task_id,
        rewrite_url(row.webhook_href),
        row.task_href,
        row.event_type,
        signature_headers(secrets, call_id, as_utc(row.now)),
        row.request_id or "",
    )


def _due(without: Iterable[str], repeated: bool) -> Any:
    """Query the calls that are due and the time, except for some beginnings of URLs."""
    delivery = WebhookDelivery
    href = delivery.webhook_href
    # Asked once for all rows.
    now = select(database_time()).scalar_subquery()
    query = select(
        delivery.id,
        delivery.task_id,
        delivery.webhook_href,
        delivery.task_href,
        delivery.event_type,
        delivery.created_at,
        delivery.attempts,
        delivery.request_id,
        database_time().label("now"),
    ).where(delivery.due_at <= now)
    for prefix in sorted(without):
        longer = (href.startswith(prefix + end, autoescape=True) for end in "/?#")
        query = query.where(~or_(href == prefix, *longer))
    if not repeated:
        query = query.where(delivery.attempts == 0)
    query = query.order_by(delivery.due_at, delivery.id).limit(WINDOW)
    # What somebody adds to is called when that is committed: see outbox.tell.
    return query.with_for_update(skip_locked=True)


def _claim(calls: Iterable[Call]) -> set[int]:
    """Note that these calls are being made; return the ids of those that nobody else makes."""
    delivery = WebhookDelivery
    ids = sorted(call.delivery_id for call in calls)
    if not ids:
        return set()
    statement = (
        update(delivery)
        .where(delivery.id.in_(ids), delivery.due_at <= database_time())
        .values(
            attempts=delivery.attempts + 1,
            last_attempt_at=database_time(),
            due_at=database_time(CLAIM_SECONDS),
        )
        .returning(delivery.id)
    )
    return set(execute(statement).scalars())


def _write(call: Call, answer: Answer) -> None:
    shown = display_url(call.webhook_href)
    _logger.info("called %s (%s): %s", shown, call.event_type, answer.text)
    values: dict[str, Any] = {"last_answer": storable(answer.text), "due_at": None}
    if answer.meaning in (Meaning.DELIVERED, Meaning.GONE):
        values["delivered_at"] = database_time()
    elif answer.meaning is Meaning.NOT_NOW:
        pause = _pause(call.attempt, answer.retry_after)
        goes_on = and_(_is_young(), _is_subscribed())
        values["due_at"] = case((goes_on, database_time(pause)), else_=None)
    delivery = WebhookDelivery
    statement = (
        update(delivery)
        # Another attempt means that another process has taken over.
        .where(delivery.id == call.delivery_id, delivery.attempts == call.attempt)
        .values(**values)
        .returning(delivery.due_at)
    )
    row = execute(statement).first()
    if answer.meaning is Meaning.GONE:
        _unsubscribe(call)
    elif row is not None and row.due_at is None and "delivered_at" not in values:
        text = "gave up the webhook %s of task %d after %d attempts: %s"
        _logger.warning(text, shown, call.task_id, call.attempt, answer.text)


def _pause(attempt: int, retry_after: float) -> float:
    """Return the seconds until the next attempt."""
    pause = backoff(attempt, FIRST_PAUSE, MAX_PAUSE, jitter=True)
    return min(max(pause, retry_after, MIN_PAUSE), MAX_PAUSE)


def _is_young() -> ColumnElement[bool]:
    return WebhookDelivery.created_at > database_time(-RETRY_SECONDS)


def _is_subscribed() -> ColumnElement[bool]:
    """Whether the webhook still wants to know: only first attempts are made regardless."""
    subscription, delivery = TaskUpdateSubscription, WebhookDelivery
    same_event = subscription.event_type == delivery.event_type
    return (
        exists()
        .where(
            subscription.task_id == delivery.task_id,
            subscription.webhook_href == delivery.webhook_href,
            or_(subscription.event_type.is_(None), same_event),
        )
        .correlate(delivery)
    )


def _unsubscribe(call: Call) -> None:
    """End all subscriptions of a webhook to a task, and call it no more."""
    same = {"task_id": call.task_id, "webhook_href": call.webhook_href}
    execute(delete(TaskUpdateSubscription).filter_by(**same))
    delivery = WebhookDelivery
    waiting = select(delivery.id).filter_by(**same).where(delivery.due_at.is_not(None))
    # What somebody adds to at the moment is called once more.
    ids = waiting.with_for_update(skip_locked=True)
    statement = update(delivery).where(delivery.id.in_(ids))
    execute(statement.values(due_at=None, last_answer="unsubscribed by HTTP 410"))
