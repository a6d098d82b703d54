"""Health checks: whether the services that the runner needs are there."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Flask, current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import false, select, text
from sqlalchemy.exc import DBAPIError

from ...celery import CELERY
from ...db import DB
from ...db.models.tasks import ProcessingTask

__all__ = ["CHECKS", "Check", "CheckResult", "check_health", "register_health"]

DEADLINE = 0.9
"""Seconds that a page waits for all checks together: people do not notice the pause."""

PING_TIMEOUT = 0.6
"""Seconds that workers have to answer; idle ones take some 0.01 s, those on a busy host 0.1 s.
Without an answer the Redis client can take half a second longer, past the deadline."""

MAX_AGE = 2.0
"""Seconds for which a result counts, so that reloading a page does not load the broker."""

_EXTENSION = "qhana_health"

_logger = logging.getLogger(__name__)


class Check(NamedTuple):
    """A health check.

    Attributes:
        name: For programs.
        label: For people.
        find_problem: Returns a text for people, or ``None`` when the service works. An exception
            means that the service cannot be reached.
        timeout: The problem when there is no answer in time.
        is_vital: Whether nothing works without the service.
    """

    name: str
    label: Any
    find_problem: Callable[[Flask], Any]
    timeout: Any = _("unreachable: no response in time")
    is_vital: bool = True


class CheckResult(NamedTuple):
    """The result of a check: a problem, for people, or ``None``."""

    check: Check
    problem: Any


def _database_problem(app: Flask) -> Any:
    with app.app_context(), DB.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        try:
            # Names all columns and reads no row.
            connection.execute(select(ProcessingTask.__table__).where(false()))
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return _("schema out of date: run “flask db upgrade”")
    return None


def _broker_problem(_app: Flask) -> Any:
    with CELERY.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)


def _workers_problem(app: Flask) -> Any:
    try:
        _broker_problem(app)
    except Exception:  # reported by the check of the broker
        return _("unknown while the broker is down")
    # One answer is enough, waiting for more would take the whole time-out each time.
    answers = CELERY.control.broadcast("ping", reply=True, timeout=PING_TIMEOUT, limit=1)
    return None if answers else _NO_WORKER


_NO_WORKER = _("no response: not started, or too busy")

CHECKS = (
    Check("database", _("Database"), _database_problem),
    Check("broker", _("Broker"), _broker_problem),
    Check("workers", _("Workers"), _workers_problem, _NO_WORKER, is_vital=False),
)
"""All health checks. A new one is a row here."""


class _Run:
    """One run of a check, in a thread.

    Connecting, waiting for a pool and waiting for an answer all can take long, and not every
    library has a limit for each of these. A thread that hangs delays only itself.
    """

    def __init__(self, app: Flask, check: Check) -> None:
        self.result = CheckResult(check, check.timeout)
        self.started = time.monotonic()
        self.done = threading.Event()
        threading.Thread(target=self._run, args=(app, check), daemon=True).start()

    def _run(self, app: Flask, check: Check) -> None:
        try:
            self.result = CheckResult(check, check.find_problem(app))
        except Exception as error:  # each driver has its own
            _logger.info("the %s cannot be reached: %s", check.name, error)
            self.result = CheckResult(check, _("unreachable"))
        finally:
            self.done.set()

    @property
    def is_stale(self) -> bool:
        """Whether it is time for the next run; not while this one hangs."""
        return self.done.is_set() and time.monotonic() - self.started > MAX_AGE


class _Health:
    """The latest run of each check for one app."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._lock = threading.Lock()

    def results(self, app: Flask) -> dict[str, CheckResult]:
        with self._lock:
            for check in CHECKS:
                if check.name not in self._runs or self._runs[check.name].is_stale:
                    self._runs[check.name] = _Run(app, check)
            runs = dict(self._runs)
        deadline = time.monotonic() + DEADLINE
        for run in runs.values():
            run.done.wait(max(0.0, deadline - time.monotonic()))
        return {name: run.result for name, run in runs.items()}


def register_health(app: Flask) -> None:
    """Prepare the checks of an app; none runs before a page needs it."""
    app.extensions[_EXTENSION] = _Health()


def check_health() -> dict[str, CheckResult]:
    """Return the results of all checks for the current app by name, within a second."""
    health: _Health = current_app.extensions[_EXTENSION]
    return health.results(current_app._get_current_object())  # type: ignore[attr-defined]
