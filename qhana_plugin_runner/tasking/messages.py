"""What is noted of each message: that it is sent, that it starts, that it is done."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from celery import Task, states
from celery.exceptions import Ignore
from flask import Flask, has_app_context
from kombu.exceptions import OperationalError
from kombu.utils.json import dumps
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from ..db import DB
from ..db.models.tasks import CURRENT_MESSAGE, ProcessingTask
from . import life_cycle
from .broker import ledger
from .owners import owner_of
from .temp_files import own_folder

__all__ = [
    "OWNER",
    "TOKEN",
    "done",
    "has_ended",
    "headers_for",
    "is_supervised",
    "noted",
    "noted_as",
    "patiently",
    "running",
    "worker_id",
]

OWNER, TOKEN = "qhana_task", "qhana_message"
"""The headers of a message: the id of its task's row, and what names the message itself."""

_NOTED: ContextVar[dict[str, Any] | None] = ContextVar("noted_message", default=None)
"""The headers of a message that is in the ledger before it is sent."""

_STARTED, _ENDED = "_qhana_started", "_qhana_ended"

PATIENCE = 120.0
"""Seconds that a worker waits for a database that is away, to write what became of a message."""

_logger = logging.getLogger(__name__)

_worker_id = uuid4().hex


def worker_id() -> str:
    """Return what names this worker; its pool processes inherit it."""
    return _worker_id


def _context(app: Flask) -> AbstractContextManager[object]:
    return nullcontext() if has_app_context() else app.app_context()


def headers_for(
    app: Flask,
    name: str,
    kwargs: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    sender: Task | None,
) -> dict[str, Any]:
    """Return the headers that tell for which task a message is sent, if for any.

    Args:
        app: whose broker and database are used
        name: of the Celery task
        kwargs: its keyword arguments
        options: how it is sent
        sender: the Celery task that sends it, if one does
    """
    if ledger(app) is None:
        return {}
    if known_already := _NOTED.get():
        return known_already
    sending = sender.request.get(OWNER) if sender is not None else None
    with _context(app):
        owner = owner_of(name, kwargs, options, sending)
    # None is sent, too: a Celery task that is sent anew keeps its other headers.
    return {OWNER: owner, TOKEN: None if owner is None else uuid4().hex}


@contextmanager
def noted_as(owner: int, token: str) -> Iterator[None]:
    """The message that is sent here is in the ledger already."""
    before = _NOTED.set({OWNER: owner, TOKEN: token})
    try:
        yield
    finally:
        _NOTED.reset(before)


@contextmanager
def noted(
    app: Flask,
    headers: Mapping[str, Any],
    body: Any,
    queue: str,
    again: bool,
    sender: Task | None,
) -> Iterator[None]:
    """Note a message right before it leaves, and mark its task as queued.

    The ledger comes first: a worker that is done with the last message but this one sees it
    there, or has written that the task waits before it is marked here.

    Args:
        app: whose broker and database are used
        headers: of the message
        body: of the message: arguments, keyword arguments, and what follows
        queue: where it goes
        again: whether it may be sent again when it is lost
        sender: the Celery task that sends it, if one does

    Raises:
        kombu.exceptions.OperationalError: the broker does not answer.
    """
    known = ledger(app)
    owner, token = headers.get(OWNER), headers.get(TOKEN)
    is_noted = token == (_NOTED.get() or {}).get(TOKEN)
    if known is None or owner is None or token is None or is_noted:
        yield
        return
    whole = {"headers": dict(headers), "body": body}
    message = dumps(whole) if again else ""  # type: ignore[no-untyped-call]
    try:
        known.sent(owner, token, queue, message)
    except RedisError as error:
        raise OperationalError(str(error)) from error
    try:
        if sender is None or sender.request.get(OWNER) != owner:
            with _context(app):
                life_cycle.queue(owner)
        yield
    except BaseException:
        # Should it have been sent nevertheless, it does not start.
        with suppress(RedisError):
            known.not_sent(owner, token)
        raise


@contextmanager
def running(app: Flask, task: Task) -> Iterator[None]:
    """Ask whether the message that this Celery task was called with may start, and note it.

    Raises:
        celery.exceptions.Ignore: it must not: it was delivered twice, or its task is cancelled.
    """
    request = task.request
    owner, token = request.get(OWNER), request.get(TOKEN)
    known = ledger(app)
    if known is None or token is None or request.called_directly or request.is_eager:
        yield
        return
    start = known.start(owner, token, worker_id())
    if start.verdict == "cancelled":
        _logger.info("task %s is cancelled: %s does not start", owner, task.name)
        with _context(app):
            patiently(lambda: _settle(app, owner, token))
        raise Ignore("its task is cancelled")
    if start.verdict != "ok":
        _logger.warning(
            "%s for task %s does not start: %s", task.name, owner, start.verdict
        )
        raise Ignore(f"the message is {start.verdict}")
    setattr(request, _STARTED, True)
    running_for = life_cycle.RUNNING_FOR.set(start.running_for)
    message = CURRENT_MESSAGE.set(token)
    try:
        with own_folder(token), life_cycle.throttled(owner, patiently):
            yield
    finally:
        CURRENT_MESSAGE.reset(message)
        life_cycle.RUNNING_FOR.reset(running_for)


def is_supervised(task: Task) -> bool:
    """Whether the message that the Celery task was called with is in the ledger."""
    return bool(getattr(task.request, _STARTED, False))


def has_ended(task: Task) -> None:
    """Remember that the Celery task has ended the task that it works for."""
    setattr(task.request, _ENDED, True)


def done(
    app: Flask,
    task: Task,
    state: str,
    fail: Callable[[int, str], None],
    give_up: Callable[[int], None] | None = None,
) -> None:
    """Note that the work of a message is done.

    A Celery task that has failed with nobody to tell (no error callback) fails its task. So does
    one that has ended without a word, unless something else of the task is under way, or a step
    is open.

    Args:
        app: whose broker and database are used
        task: the Celery task
        state: in which it has ended, in Celery's terms
        fail: sends what fails a task, given its id and the id of the Celery task
        give_up: ends a task that waits, given its id, where Celery sends neither what follows
            nor the error callback
    """
    request = task.request
    known = ledger(app)
    if known is None or not getattr(request, _STARTED, False):
        return
    owner, token = request.get(OWNER), request.get(TOKEN)
    if getattr(request, _ENDED, False):
        known.forget(owner)
        return
    if state == states.FAILURE and _nobody_is_told(request):
        fail(owner, request.id)
    others = known.done(owner, token, keep_last=True)
    if others <= 0:
        with _context(app):
            patiently(lambda: _settle(app, owner, token, others == 0, give_up))


def _nobody_is_told(request: Any) -> bool:
    if request.errbacks:
        return False
    if request.chord:
        return not request.chord.get("options", {}).get("link_error")
    # One of a group without a chord may fail: whoever made the group looks at the results.
    return request.group is None


def _settle(
    app: Flask,
    owner: int,
    token: str,
    is_known: bool = True,
    give_up: Callable[[int], None] | None = None,
) -> None:
    """Nothing of the task is under way any more: it waits, or ends if it is to be cancelled.

    When it is not known what was under way, because the broker has lost its data, only a task
    with an open step waits. Any other one is found to be lost.
    """
    known = ledger(app)
    assert known is not None
    if not is_known and not _has_open_step(owner):
        return
    if owner in known.is_cancelled([owner]):
        try:
            life_cycle.cancel(owner)
        except KeyError:
            _logger.info("the row of task %s is gone", owner)
        known.end(owner)
        return
    life_cycle.wait(owner)
    if known.done(owner, token) > 0:
        life_cycle.queue(owner)  # something was sent in between
    elif give_up is not None and not _has_open_step(owner):
        give_up(owner)


def _has_open_step(owner: int) -> bool:
    task = ProcessingTask.get_with_details(owner)
    return task is not None and task.has_uncleared_step


def patiently(write: Callable[[], None], seconds: float = PATIENCE) -> None:
    """Write to the database; when it is away, wait until it is back.

    Raises:
        sqlalchemy.exc.DBAPIError: it was away for longer than that.
    """
    deadline = time.monotonic() + seconds
    pause = 0.1
    while True:
        try:
            write()
            return
        except DBAPIError as error:
            DB.session.rollback()
            if time.monotonic() + pause > deadline:
                raise
            _logger.warning(
                "the database fails, trying again: %s", str(error.orig).strip()
            )
        time.sleep(pause)
        pause = min(2 * pause, 5.0)
