"""What the supervisor knows about a service."""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass
class Service:
    """A program that runs until the product is stopped.

    Args:
        name: tag of its lines in the log
        command: program and arguments
        environment: all of its environment variables (default: those of the launcher)
        oneshot: says what it does, if it is a program that must succeed before later services are
            started
        readiness: returns when the service does its job; called after each start
        first: whether later services are started only when this one is ready
        last: whether it is started only when all earlier services are ready, or after some
            seconds
        needs: names of the services without which it is not ready
        keep_open: file descriptors that it inherits
        stop: signals and seconds, in order: each signal is sent, then its time is waited
            for; in the end the service and all that it started are killed
        pause: seconds to wait before it is started again, the first time that it has died
        retire: signal that lets a process finish what it is at, and end, when the service is
            started anew; without one it is stopped before
        overlaps: whether it is retired only when its successor is ready, and not at once
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    oneshot: str = ""
    readiness: Callable[[], Awaitable[None]] | None = None
    first: bool = False
    last: bool = False
    needs: Sequence[str] = ()
    keep_open: Sequence[int] = ()
    stop: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 4.0),)
    pause: float = 0.5
    retire: signal.Signals | None = None
    overlaps: bool = False
