"""Runs checks in threads with a deadline, and remembers their results.

Connecting, waiting for a pool and waiting for an answer all can take long, and not every library
has a limit for each of these. A thread that hangs delays only itself.
"""

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from flask import Flask, current_app
from flask_babel import lazy_gettext as _

from ...db import DB
from .result import Check, Outcome, Problem, Result, Status, safe_text

DEADLINE = 0.8
"""Seconds that a request waits for all checks together: probes give up after a second."""

MAX_AGE_OF_PROBLEMS = 2.0
"""Seconds for which a result with a problem counts: what is mended is soon seen to be."""

PART_FOR_PROBLEMS = 0.05
"""For how much of the time of a good result it counts at least: to look may be expensive."""

_EXTENSION = "qhana_health"

_logger = logging.getLogger(__name__)


class _Run:
    """One run of a check, in a thread."""

    def __init__(self, app: Flask, check: Check) -> None:
        self._app, self._check = app, check
        self.outcome: Outcome | None = None
        self.started = time.monotonic()
        self._took = 0.0
        self.done = threading.Event()
        name = f"health-{check.name}"
        threading.Thread(target=self._look, name=name, daemon=True).start()

    def _look(self) -> None:
        try:
            with self._app.app_context():
                try:
                    self.outcome = self._check.look()
                finally:
                    DB.session.rollback()
        except Exception as error:  # each driver has its own
            cause = safe_text(error)
            _logger.debug("the health check %s fails: %s", self._check.name, cause)
            self.outcome = _unavailable(_("unreachable"), cause, self._check)
        finally:
            self._took = time.monotonic() - self.started
            self.done.set()

    @property
    def is_stale(self) -> bool:
        """Whether it is time for the next run; not while this one hangs."""
        return self.done.is_set() and self._overdue > 0

    @property
    def is_past(self) -> bool:
        """Whether its result is from a time when nobody asked for the next."""
        return self._overdue > self._check.patience

    @property
    def _overdue(self) -> float:
        """For how many seconds its result has counted no longer."""
        fine = self.outcome is not None and self.outcome.status is Status.OK
        max_age = max(self._check.max_age, self._took / self._check.max_share)
        soon = min(max_age, max(MAX_AGE_OF_PROBLEMS, max_age * PART_FOR_PROBLEMS))
        return time.monotonic() - self.started - (max_age if fine else soon)

    @property
    def hangs(self) -> bool:
        """Whether it takes longer than it may."""
        return time.monotonic() - self.started > self._check.patience


class Health:
    """The latest result of each check for one app."""

    def __init__(self, app: Flask, checks: Iterable[Check]) -> None:
        self._app, self._checks = app, tuple(checks)
        self._runs: dict[str, _Run] = {}
        self._last: dict[str, _Run] = {}  # the one before, which has ended
        self._lock = threading.Lock()

    def results(self, deadline: float | None = None) -> dict[str, Result]:
        """Return the result of each check by name, when they are there or the time is over.

        What is not vital, and often asked for, is renewed in the background. The last result counts
        until there is a new one, unless that takes too long: a busy host is slow, too.

        Args:
            deadline: seconds to wait
        """
        end = time.monotonic() + (DEADLINE if deadline is None else deadline)
        with self._lock:
            for check in self._checks:
                run = self._runs.get(check.name)
                if run is None or run.is_stale:
                    if run is not None:
                        self._last[check.name] = run
                    self._runs[check.name] = _Run(self._app, check)
            runs = dict(self._runs)
        found = {
            check.name: Result(check, self._outcome(check, runs[check.name], end))
            for check in self._checks
        }
        return {name: _depending(result, found) for name, result in found.items()}

    def _outcome(self, check: Check, run: _Run, end: float) -> Outcome:
        last = self._last.get(check.name)
        if last is None or last.is_past or check.is_vital:
            run.done.wait(max(0.0, end - time.monotonic()))
        if run.done.is_set() and run.outcome is not None:
            return run.outcome
        if not run.hangs and last is not None and last.outcome is not None:
            return last.outcome
        if not run.hangs and not check.is_vital:
            return _NOT_YET
        summary = _("unreachable: no response in time")
        return _unavailable(summary, summary, check)


def _unavailable(summary: Any, cause: Any, check: Check) -> Outcome:
    return Outcome(problems=[Problem(summary, cause, check.cure, Status.UNAVAILABLE)])


_NOT_YET = Outcome(
    problems=[Problem(_("being checked"), _("being checked"), "", Status.UNKNOWN)]
)


def _depending(result: Result, found: dict[str, Result]) -> Result:
    """Return what is known of something while what it needs is away: nothing."""
    needed = found.get(result.check.needs)
    if needed is None or needed.status is not Status.UNAVAILABLE:
        return result
    text = _("unknown: %(label)s is unavailable", label=needed.check.label)
    return replace(result, outcome=Outcome("", [Problem(text, text, "", Status.UNKNOWN)]))


def check_health(deadline: float | None = None) -> dict[str, Result]:
    """Return the results of all checks for the current app by name, within a second.

    Args:
        deadline: another number of seconds.
    """
    health: Health = current_app.extensions[_EXTENSION]
    return health.results(deadline)


def use_checks(app: Flask, checks: Iterable[Check]) -> None:
    """Prepare checks for an app; none runs before one is asked for its result."""
    app.extensions[_EXTENSION] = Health(app, checks)
