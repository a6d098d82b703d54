"""Answers that are held back until there is something new (``Prefer: wait``, RFC 7240)."""

import time
from collections.abc import Callable
from typing import TypeVar

from flask import current_app, request

from ..db import DB
from ..security.clients import client_of_request
from ..security.people import require_valid_token
from ..tasking.changes import task_changes

MAX_WAIT = 30
"""Seconds. Proxies on the way give up a silent connection after 60 s at the earliest."""

LOOK_SECONDS = 1.0
"""How often the database is looked at when the broker does not tell of a change."""

Answer = TypeVar("Answer")


def wanted_wait() -> int:
    """Return how many seconds the client is ready to wait; 0 when it does not say so."""
    if "HTTP_PREFER" not in request.environ:
        return 0
    for preference in ",".join(request.headers.getlist("Prefer")).split(","):
        name, _equals, value = preference.partition(";")[0].partition("=")
        value = value.strip().strip('"')
        if name.strip().lower() == "wait" and value.isascii() and value.isdigit():
            return min(int(value[:9]), MAX_WAIT)
    return 0


def wait_for(
    task_id: int,
    seconds: float,
    answer: Callable[[], Answer],
    is_wanted: Callable[[Answer], bool],
) -> Answer | None:
    """Make answers about a task, as it changes, until one is wanted or the time is over.

    The time is over, too, when this process is told to stop.

    No connection to the database is held meanwhile.

    Args:
        task_id: the task
        seconds: how long
        answer: reads the task and makes an answer
        is_wanted: whether to wait no longer

    Raises:
        PyJWTError, JWTExtendedException: the token of the request has ended meanwhile

    Returns:
        the newest answer; ``None`` when too many requests wait in this process already, of
        all clients or of this one
    """
    end, changes = time.monotonic() + seconds, task_changes()
    limit: int = current_app.config["STATUS_WAITERS"]
    own_limit: int | None = current_app.config["STATUS_WAITERS_PER_CLIENT"]
    client = "" if own_limit is None else client_of_request()
    with changes.watch(task_id, limit, client, own_limit) as changed:
        if changed is None:
            return None
        while True:
            changed.clear()
            began = time.monotonic()
            newest = answer()
            DB.session.rollback()  # gives the connection back
            now = time.monotonic()
            if is_wanted(newest) or now >= end or changes.is_ending:
                return newest
            changed.wait(min(LOOK_SECONDS, end - now))
            require_valid_token()
            # However fast a task changes, others get half of the time.
            time.sleep(max(0.0, now + (now - began) - time.monotonic()))
