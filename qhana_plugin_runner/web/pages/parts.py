"""Whether the parts that the runner needs are there: database, broker, workers."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from flask import Flask, current_app
from sqlalchemy import Engine, false, select, text
from sqlalchemy.exc import DBAPIError

from ...celery import CELERY
from ...db import DB
from ...db.models.tasks import ProcessingTask

__all__ = ["Part", "State", "look_at_parts", "register_parts"]

DEADLINE = 0.9
"""Seconds that a page waits for all parts together: less than people take for a pause."""

PING_TIMEOUT = 0.6
"""Seconds that workers have to answer; idle ones take some 0.01 s, those on a busy host 0.1 s.
Waiting for nobody can take the Redis client half a second longer, past the deadline."""

FRESH = 2.0
"""Seconds for which an answer counts. Reloading a page must not load the broker."""

_logger = logging.getLogger(__name__)


class State(Enum):
    """What is known of a part."""

    UP = "works"
    DOWN = "refuses connections, or answers with an error"
    SLOW = "has not answered in time"
    SILENT = "is not there, or too busy to answer"
    OLD = "lacks tables or columns"
    UNKNOWN = "cannot be asked, because another part is down"


@dataclass(frozen=True)
class Part:
    """One part and its state. The name is ``database``, ``broker`` or ``workers``."""

    name: str
    state: State


class _Look:
    """One look at a part, in a thread.

    Connecting, waiting for a pool and waiting for an answer all can take long, and not each
    library has a limit for each of these. A thread that hangs delays nobody but itself.
    """

    def __init__(self, name: str, ask: Callable[[], State]) -> None:
        self.state = State.SLOW
        self.began = time.monotonic()
        self.done = threading.Event()
        self._name, self._ask = name, ask
        threading.Thread(target=self._run, name=f"look-at-{name}", daemon=True).start()

    def _run(self) -> None:
        try:
            self.state = self._ask()
        except Exception as error:  # each driver has its own
            _logger.info("the %s cannot be reached: %s", self._name, error)
            self.state = State.DOWN
        finally:
            self.done.set()

    @property
    def is_stale(self) -> bool:
        """Whether it is time for the next look; while this one hangs, it is not."""
        return self.done.is_set() and time.monotonic() - self.began > FRESH


class _PartsWatch:
    """The last look at each part of one app."""

    def __init__(self, engine: Engine) -> None:
        self._questions: dict[str, Callable[[], State]] = {
            "database": lambda: _ask_database(engine),
            "broker": _ask_broker,
            "workers": _ask_workers,
        }
        self._looks: dict[str, _Look] = {}
        self._lock = threading.Lock()

    def states(self) -> list[Part]:
        with self._lock:
            for name, ask in self._questions.items():
                if name not in self._looks or self._looks[name].is_stale:
                    self._looks[name] = _Look(name, ask)
            looks = dict(self._looks)
        deadline = time.monotonic() + DEADLINE
        for look in looks.values():
            look.done.wait(max(0.0, deadline - time.monotonic()))
        return [Part(name, look.state) for name, look in looks.items()]


def _ask_database(engine: Engine) -> State:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        try:
            # Names all columns and reads no row.
            connection.execute(select(ProcessingTask.__table__).where(false()))
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return State.OLD
    return State.UP


def _ask_broker() -> State:
    with CELERY.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    return State.UP


def _ask_workers() -> State:
    try:
        _ask_broker()
    except Exception:  # reported by the look at the broker
        return State.UNKNOWN
    # One answer is enough, waiting for more would take the whole time-out on each look.
    answers = CELERY.control.broadcast("ping", reply=True, timeout=PING_TIMEOUT, limit=1)
    return State.UP if answers else State.SILENT


def register_parts(app: Flask) -> None:
    """Prepare looking; nothing is asked before a page wants to know."""
    with app.app_context():
        app.extensions["qhana_parts"] = _PartsWatch(DB.engine)


def look_at_parts() -> list[Part]:
    """Return the parts of the current app and their states, within a second."""
    watch: _PartsWatch = current_app.extensions["qhana_parts"]
    return watch.states()
