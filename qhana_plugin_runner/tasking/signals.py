"""The signals of a task, with which plugins announce its changes."""

from blinker import Namespace
from flask import current_app

from . import life_cycle
from .outbox import already_told

__all__ = [
    "TASK_DETAILS_CHANGED",
    "TASK_SIGNALS",
    "TASK_STATUS_CHANGED",
    "TASK_STEPS_CHANGED",
    "announce",
]

TASK_SIGNALS = Namespace()
"""The signals of tasks: ``SIGNAL.send(app, task_id=...)`` tells the task's subscribers."""

TASK_STATUS_CHANGED = TASK_SIGNALS.signal("task-status-changed")
"""The task has ended."""

TASK_STEPS_CHANGED = TASK_SIGNALS.signal("task-steps-changed")
"""A step was added or cleared."""

TASK_DETAILS_CHANGED = TASK_SIGNALS.signal("task-details-changed")
"""Anything else that clients see has changed: log, progress, outputs, links."""


def announce(task_id: int, transition: life_cycle.Transition) -> None:
    """Send the signals of a task's end, unless it had ended before."""
    if not transition.happened:
        return
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with already_told():
        TASK_STATUS_CHANGED.send(app, task_id=task_id)
        TASK_DETAILS_CHANGED.send(app, task_id=task_id)
        if transition.cleared_step:
            TASK_STEPS_CHANGED.send(app, task_id=task_id)
