"""The message that a worker is at, here in this thread or greenlet."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CurrentMessage:
    """What the code that runs for a message may want to know of it.

    Attributes:
        task_name: the name of the Celery task; plugins prefix theirs with their identifier.
        task_id: the id of the row that the message works for; ``None`` for none.
        delivery_id: names the message in the registry of messages in flight; ``None`` for one
            that is not registered.
        running_since: when a worker first claimed a message of the task, as ``time.monotonic()``
            tells it; ``None`` if unknown.
        progress: the progress that is written later (:mod:`..life_cycle.progress`).
        console: takes what is printed and logged (:mod:`..tasking.console`).
        request_id: names the HTTP request that the work is done for (:mod:`.request_id`).
    """

    task_name: str = ""
    task_id: int | None = None
    delivery_id: str | None = None
    running_since: float | None = None
    progress: Any = None
    console: Any = None
    request_id: str = ""

    @property
    def running_for(self) -> float | None:
        """Seconds since a worker first claimed a message of the task."""
        since = self.running_since
        return None if since is None else max(0.0, time.monotonic() - since)


NO_MESSAGE = CurrentMessage()

_CURRENT: ContextVar[CurrentMessage] = ContextVar("current_message", default=NO_MESSAGE)

current_message = _CURRENT.get
"""Returns the message that this code runs for, :data:`NO_MESSAGE` outside of a worker's tasks."""


@contextmanager
def working_on(message: CurrentMessage) -> Iterator[None]:
    """Make this the current message."""
    token = _CURRENT.set(message)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def delivery_id() -> str | None:
    """Return what names the current message."""
    return _CURRENT.get().delivery_id
