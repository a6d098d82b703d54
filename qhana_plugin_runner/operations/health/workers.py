"""The check of the workers: who is there, what they know, and what they take."""

from flask import current_app
from flask_babel import lazy_gettext as _

from ...celery import CELERY
from ...tasking.broker import in_flight
from .result import Outcome, Problem, Status

__all__ = ["look_at_workers"]

PING_TIMEOUT = 0.6
"""Seconds that workers have to answer; idle ones take some 0.01 s, those on a busy host 0.1 s."""

_START = _("Start a worker: `invoke worker`, on this host or another one.")


def look_at_workers() -> Outcome:
    """Look who has told the broker lately that it lives."""
    registry = in_flight(current_app._get_current_object())  # type: ignore[attr-defined]
    if registry is None:
        # One answer is enough, waiting for more would take the whole time-out each time.
        count = len(
            CELERY.control.broadcast("ping", reply=True, timeout=PING_TIMEOUT, limit=1)
            or ()
        )
    else:
        count = len(registry.live_workers())
    if not count:
        return Outcome(problems=[_no_worker()])
    return Outcome(_("%(count)s workers", count=count))


def _no_worker() -> Problem:
    return Problem(
        _("no response: not started, or too busy"),
        _("No worker has sent a heartbeat in the last seconds."),
        _START,
        Status.UNAVAILABLE,
    )
