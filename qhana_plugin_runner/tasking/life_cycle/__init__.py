"""How a task moves from its start to its one end; the only writer of its state."""

from flask import Flask

from . import progress, rows
from .ends import ENDED
from .progress import hold, throttled
from .states import LEGAL, OPEN, TERMINAL, TaskState
from .transitions import (
    Transition,
    append_log,
    cancel,
    expire,
    fail,
    mark_lost,
    mark_queued,
    mark_running,
    mark_waiting,
    request_cancel,
    restart,
    succeed,
)

__all__ = [
    "ENDED",
    "LEGAL",
    "OPEN",
    "TERMINAL",
    "TaskState",
    "Transition",
    "append_log",
    "cancel",
    "expire",
    "fail",
    "hold",
    "mark_lost",
    "mark_queued",
    "mark_running",
    "mark_waiting",
    "register_life_cycle",
    "request_cancel",
    "restart",
    "succeed",
    "throttled",
]


def register_life_cycle(_app: Flask) -> None:
    """Send what plugins write to the rows of tasks through the life cycle."""
    rows.listen()
    progress.listen()
