"""How a task moves from its start to its one end; the only writer of its state."""

from . import rows  # noqa: F401  (what plugins write to rows goes through here, too)
from .progress import throttled
from .states import LEGAL, OPEN, TERMINAL, State
from .transitions import (
    RUNNING_FOR,
    Transition,
    append_log,
    begin,
    cancel,
    fail,
    give_up,
    lose,
    queue,
    request_cancel,
    restart,
    succeed,
    wait,
)

__all__ = [
    "LEGAL",
    "OPEN",
    "RUNNING_FOR",
    "TERMINAL",
    "State",
    "Transition",
    "append_log",
    "begin",
    "cancel",
    "fail",
    "give_up",
    "lose",
    "queue",
    "request_cancel",
    "restart",
    "succeed",
    "throttled",
    "wait",
]
