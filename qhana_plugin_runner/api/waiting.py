"""Answers that are held back until there is something new (``Prefer: wait``, RFC 7240)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from flask import Flask, current_app, request

from ..db import DB
from ..db.models.task_changes import mark_of

__all__ = ["LONGEST_WAIT", "Waiters", "register_waiters", "wait_for", "wanted_wait"]

LONGEST_WAIT = 30
"""Seconds. Proxies on the way give up a silent connection after 60 s at the earliest."""

POLL_SECONDS = 0.25
"""A person does not notice this delay; a thousand such queries a second load no database."""

Answer = TypeVar("Answer")


class Waiters:
    """The requests that wait in this process.

    Each of them occupies a thread of the web server; others need threads, too.

    Args:
        most: how many may wait at once

    Attributes:
        waiting: how many wait now
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self.waiting = 0

    @contextmanager
    def one_more(self) -> Iterator[bool]:
        """Yield whether one more request may wait, and count it in the block."""
        with self._lock:
            may_wait = self.waiting < self._most
            self.waiting += may_wait
        try:
            yield may_wait
        finally:
            with self._lock:
                self.waiting -= may_wait


def register_waiters(app: Flask) -> None:
    app.extensions["status_waiters"] = Waiters(app.config["STATUS_WAITERS"])


def wanted_wait() -> int:
    """Return how many seconds the client is ready to wait; 0 when it does not say so."""
    for preference in ",".join(request.headers.getlist("Prefer")).split(","):
        name, _equals, value = preference.partition(";")[0].partition("=")
        value = value.strip().strip('"')
        if name.strip().lower() == "wait" and value.isascii() and value.isdigit():
            return min(int(value[:9]), LONGEST_WAIT)
    return 0


def wait_for(
    task_id: int,
    seconds: float,
    answer: Callable[[], Answer],
    is_wanted: Callable[[Answer], bool],
) -> Answer | None:
    """Make answers about a task, as it changes, until one is wanted or the time is over.

    No connection to the database is held meanwhile.

    Args:
        task_id: the task
        seconds: how long
        answer: reads the task and makes an answer
        is_wanted: whether to wait no longer

    Returns:
        the newest answer; ``None`` when too many requests wait in this process already
    """
    end = time.monotonic() + seconds
    waiters: Waiters = current_app.extensions["status_waiters"]
    with waiters.one_more() as may_wait:
        if not may_wait:
            return None
        while True:
            before = _mark(task_id)  # read first: no change after it is missed
            newest = answer()
            DB.session.rollback()
            while not is_wanted(newest) and _mark(task_id) == before:
                if (left := end - time.monotonic()) <= 0:
                    return newest
                time.sleep(min(POLL_SECONDS, left))
            if is_wanted(newest) or time.monotonic() >= end:
                return newest


def _mark(task_id: int) -> object:
    mark = mark_of(task_id)
    DB.session.rollback()  # gives the connection back
    return mark
