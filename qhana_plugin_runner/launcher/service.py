"""What the supervisor knows about a service."""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class RestartPause:
    """How long to wait before a service that has died is started again.

    The pause doubles from one death to the next, so that a service that cannot work does not
    use up the machine, and is reset once the service has run well for a while.

    Args:
        first: the first pause, seconds
        longest: the pause grows no further than this, seconds
        steady: a service that ran this long was well, seconds
    """

    first: float = 0.5
    longest: float = 30.0
    steady: float = 60.0
    _next: float = field(default=0.0, init=False, repr=False)

    def after(self, ran: float) -> float:
        """Return the pause in seconds after a service has run for ``ran`` seconds."""
        pause = self.first if ran >= self.steady else max(self._next, self.first)
        self._next = min(2 * pause, self.longest)
        return pause


@dataclass
class Service:
    """A program that runs until the product is stopped.

    Args:
        name: tag of its lines in the log
        command: program and arguments
        environment: all of its environment variables (default: those of the launcher)
        readiness: returns when the service does its job; called after each start
        first: whether later services are started only when this one is ready
        last: whether it is started only when all earlier services are ready, or after some
            seconds
        needs: names of the services without which it is not ready
        keep_open: file descriptors that it inherits
        stop: signals and seconds, in order: each signal is sent, then its time is waited
            for; in the end the service and all that it started are killed
        pause: how long to wait before it is started again
        retire: signal that lets a process finish what it is at, and end, when the service is
            started anew; without one it is stopped before
        overlaps: whether it is retired only when its successor is ready, and not at once
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    readiness: Callable[[], Awaitable[None]] | None = None
    first: bool = False
    last: bool = False
    needs: Sequence[str] = ()
    keep_open: Sequence[int] = ()
    stop: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 4.0),)
    pause: RestartPause = field(default_factory=RestartPause)
    retire: signal.Signals | None = None
    overlaps: bool = False


@dataclass
class Oneshot:
    """A program that must succeed before later services are started.

    Args:
        name: tag of its lines in the log
        title: what it does, in words
        command: program and arguments
        environment: all of its environment variables (default: those of the launcher)
        stop: as for a service
    """

    name: str
    title: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    stop: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 4.0),)
