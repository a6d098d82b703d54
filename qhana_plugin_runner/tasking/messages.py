"""The way of a message: it is registered and sent, claimed by a worker, and completed."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

from celery import Task, states
from celery.exceptions import Ignore
from flask import Flask, has_app_context
from kombu.exceptions import OperationalError
from kombu.utils.json import dumps
from redis.exceptions import RedisError

from ..db.transient import retry_transient
from ..util.current_message import CurrentMessage, current_message, working_on
from ..util.request_id import request_id
from . import life_cycle
from .broker import in_flight
from .in_flight import InFlight
from .owners import Row, owner_of, waits_for_step
from .temp_files import own_folder

TASK_ID, DELIVERY_ID = "qhana_task", "qhana_message"
"""The headers of a message: the id of its task's row, and what names the delivery."""

REQUEST_ID = "qhana_request"
"""The header with the id of the HTTP request that has led to the message."""

_REGISTERED: ContextVar[dict[str, Any] | None] = ContextVar("registered", default=None)
"""The headers of a message that is registered before it is sent."""

_CLAIMED, _ENDED, _WAITED = "_qhana_claimed", "_qhana_ended", "_qhana_waited"
"""Attributes of Celery's record of a message that a worker runs."""

_logger = logging.getLogger(__name__)

_worker_id = uuid4().hex


def worker_id() -> str:
    """Return what names this worker; its pool processes inherit it."""
    return _worker_id


def _context(app: Flask) -> AbstractContextManager[object]:
    return nullcontext() if has_app_context() else app.app_context()


def message_of(headers: Mapping[str, Any]) -> CurrentMessage:
    """Return what the headers of a message tell the code that works for it, and its log lines."""
    return CurrentMessage(
        headers.get("task") or "",
        headers.get(TASK_ID),
        request_id=headers.get(REQUEST_ID) or "",
    )


def headers_for(
    app: Flask,
    name: str,
    rows: Sequence[Row],
    sender: Task | None,
) -> dict[str, Any]:
    """Return the headers that tell for which task and request a message is sent, if for any.

    Args:
        app: whose broker and database are used
        name: of the Celery task
        rows: what it names, and all that is to follow it
        sender: the Celery task that sends it, if one does
    """
    asked_by = {REQUEST_ID: request_id() or None}
    if in_flight(app) is None:
        return asked_by
    if headers := _REGISTERED.get():
        return {**asked_by, **headers}
    sending = sender.request.get(TASK_ID) if sender is not None else None
    with _context(app):
        owner = owner_of(name, rows, sending)
    # None is sent, too: a Celery task that is sent once more keeps its other headers.
    delivery_id = None if owner is None else uuid4().hex
    return {**asked_by, TASK_ID: owner, DELIVERY_ID: delivery_id}


@contextmanager
def registered_as(task_id: int, delivery_id: str) -> Iterator[None]:
    """Mark the message that is sent in the block as registered already."""
    token = _REGISTERED.set({TASK_ID: task_id, DELIVERY_ID: delivery_id})
    try:
        yield
    finally:
        _REGISTERED.reset(token)


@contextmanager
def registered(
    app: Flask,
    headers: Mapping[str, Any],
    body: Any,
    queue: str,
    begins_once: bool,
    sender: Task | None,
) -> Iterator[None]:
    """Register the message that is sent in the block, and mark its task as queued.

    The registry comes first: a worker that is done with the last message but this one sees it
    there, or has written that the task waits before it is marked here.

    Args:
        app: whose broker and database are used
        headers: of the message
        body: of the message: arguments, keyword arguments, and what follows
        queue: where it goes
        begins_once: whether it is not to be sent again when a worker has begun with it
        sender: the Celery task that sends it, if one does

    Raises:
        kombu.exceptions.OperationalError: the broker does not answer.
    """
    registry = in_flight(app)
    task_id, delivery_id = headers.get(TASK_ID), headers.get(DELIVERY_ID)
    if registry is None or task_id is None or delivery_id is None or _REGISTERED.get():
        yield
        return
    whole = {"headers": dict(headers), "body": body}
    payload = dumps(whole)  # type: ignore[no-untyped-call]
    try:
        asked_by = headers.get(REQUEST_ID) or ""
        registry.register(task_id, delivery_id, queue, payload, asked_by, begins_once)
    except RedisError as error:
        raise OperationalError(str(error)) from error
    try:
        if sender is None or sender.request.get(TASK_ID) != task_id:
            with _context(app):
                life_cycle.mark_queued(task_id)
        yield
    except BaseException:
        # Should it have been sent nevertheless, it does not start.
        with suppress(RedisError):
            registry.complete(task_id, delivery_id)
        raise


@contextmanager
def claimed(app: Flask, task: Task, db_id: object = None) -> Iterator[None]:
    """Claim the message that a Celery task was called with, and make it the current one.

    Args:
        app: whose broker and database are used
        task: the Celery task
        db_id: the row that its arguments name, if one

    Raises:
        celery.exceptions.Ignore: it must not start: it was delivered twice, or its task is
            cancelled.
    """
    request = task.request
    task_id, delivery_id = request.get(TASK_ID), request.get(DELIVERY_ID)
    registry = in_flight(app)
    name = task.name or ""
    is_called = request.called_directly or request.is_eager
    if registry is None or not delivery_id or is_called:
        row = db_id if isinstance(db_id, int) else None
        with (
            working_on(replace(current_message(), task_name=name, task_id=row)),
            own_folder(None if is_called else uuid4().hex),
        ):
            yield
        return
    claim = registry.claim(task_id, delivery_id, worker_id())
    if claim.verdict == "cancelled":
        _logger.info("task %s is cancelled: %s does not start", task_id, name)
        with _context(app):
            retry_transient(lambda: _mark_idle(registry, task_id, delivery_id))
        raise Ignore("its task is cancelled")
    if claim.verdict != "ok":
        _logger.warning("%s for task %s does not start: %s", name, task_id, claim.verdict)
        raise Ignore(f"the message is {claim.verdict}")
    setattr(request, _CLAIMED, True)
    setattr(request, _WAITED, claim.waited)
    since = monotonic() - claim.running_for
    message = CurrentMessage(name, task_id, delivery_id, since, request_id=request_id())
    with (
        working_on(message),
        own_folder(delivery_id),
        life_cycle.throttled(task_id),
    ):
        yield


def is_claimed(task: Task) -> bool:
    """Whether the message that the Celery task was called with is claimed from the registry."""
    return bool(getattr(task.request, _CLAIMED, False))


def waited(task: Task) -> float | None:
    """Return for how long the message that is worked on was in a queue.

    ``None`` when it was not to begin at once, or is not registered.
    """
    return None if task.request.eta else getattr(task.request, _WAITED, None)


def mark_ended(task: Task) -> None:
    """Remember that the Celery task has ended the task that it works for."""
    setattr(task.request, _ENDED, True)


def complete(
    app: Flask,
    task: Task,
    state: str,
    fail: Callable[[int, str], None],
    expire: Callable[[int], object] | None = None,
) -> None:
    """Remove a message whose work is done from the registry.

    A Celery task that has failed without an error callback fails its task. So does one that has
    ended without a word, unless something else of the task is in flight, or a step is open.

    Args:
        app: whose broker and database are used
        task: the Celery task
        state: in which it has ended, in Celery's terms
        fail: sends what fails a task, given its id and the id of the Celery task
        expire: ends a task that waits, given its id, where Celery sends neither what follows
            nor the error callback
    """
    request = task.request
    registry = in_flight(app)
    if registry is None or not is_claimed(task):
        return
    task_id, delivery_id = request.get(TASK_ID), request.get(DELIVERY_ID)
    if getattr(request, _ENDED, False):
        registry.delete(task_id)
        return
    if state == states.FAILURE and _has_no_callback(request):
        fail(task_id, request.id)
    others = registry.complete(task_id, delivery_id, keep_last=True)
    if others <= 0:
        mark = partial(_mark_idle, registry, task_id, delivery_id, others == 0, expire)
        with _context(app):
            retry_transient(mark)
    elif task_id in registry.cancelled([task_id]) and not registry.request_cancel(
        task_id
    ):
        # What was running is done, and what else there is waits in a queue, maybe for long.
        with _context(app):
            retry_transient(partial(end, registry, task_id, life_cycle.cancel))


def end(
    registry: InFlight, task_id: int, how: Callable[[int], life_cycle.Transition]
) -> None:
    """End a task; what is still in flight of it, or is sent by what runs, does not start.

    Args:
        registry: of the messages in flight
        task_id: the task
        how: the transition
    """
    try:
        how(task_id)
    except KeyError:
        _logger.info("the row of task %s is gone", task_id)
    registry.tombstone(task_id)


def _has_no_callback(request: Any) -> bool:
    """Whether nothing is sent when a message fails."""
    if request.errbacks:
        return False
    if request.chord:
        return not request.chord.get("options", {}).get("link_error")
    # One of a group without a chord may fail: whoever made the group looks at the results.
    return request.group is None


def _mark_idle(
    registry: InFlight,
    task_id: int,
    delivery_id: str,
    is_known: bool = True,
    expire: Callable[[int], object] | None = None,
) -> None:
    """Let a task wait of which nothing is in flight any more, or end if it is to be cancelled.

    When it is not known what was in flight, because the broker has lost its data, only a task
    with an open step waits. Any other one is found to be lost.
    """
    if not is_known and not waits_for_step(task_id):
        return
    if task_id in registry.cancelled([task_id]):
        end(registry, task_id, life_cycle.cancel)
        return
    life_cycle.mark_waiting(task_id)
    if registry.complete(task_id, delivery_id) > 0:
        life_cycle.mark_queued(task_id)  # something was sent in between
    elif expire is not None and not waits_for_step(task_id):
        expire(task_id)
