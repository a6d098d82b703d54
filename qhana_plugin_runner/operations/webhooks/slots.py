"""How many calls may be under way at once, and to whom."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Slots", "WaitingCall"]

MOST_CALLS = 16
"""Calls at once. They wait for others nearly all of the time, and the longest wait is 10 s."""

MOST_REPEATED = MOST_CALLS // 2
"""Of these, calls that have failed before: the others find room whatever is dead."""

MOST_PER_HOST = 4
"""Calls at once to one host. So one that does not answer takes a quarter of the room."""

MOST_PER_SILENT_HOST = 1
"""The same for a host whose last call got no answer at all."""

MOST_THREADS = 4 * MOST_CALLS
"""Threads, with those of calls that were given up and do not end. What keeps a thread beyond the
time-out is looking up a name, or an answer that drips in byte by byte."""

MOST_SILENT_HOSTS = 1000
"""Silent hosts that are remembered; to forget them costs a few calls."""

_ORIGIN = re.compile(r"([a-z]+://)(?:[^/?#]*@)?([^/?#]*)", re.IGNORECASE)


@dataclass(frozen=True)
class WaitingCall:
    """A call that is to be made.

    Attributes:
        delivery_id: the row of it in the outbox.
        attempt: which attempt it will be, from 1.
        webhook_href: the URL as it was subscribed.
        task_id: the task that has changed.
        host: whom it goes to: host and port.
        prefix: the beginning of ``webhook_href`` that tells the host.
    """

    delivery_id: int
    attempt: int
    webhook_href: str
    task_id: int
    host: str = field(init=False)
    prefix: str = field(init=False)

    def __post_init__(self) -> None:
        match = _ORIGIN.match(self.webhook_href)
        host = match[2].lower() if match else self.webhook_href
        object.__setattr__(self, "host", host)
        object.__setattr__(self, "prefix", match[0] if match else self.webhook_href)

    @property
    def is_repeated(self) -> bool:
        return self.attempt > 1


class Slots:
    """What is under way, and what may begin beside it."""

    def __init__(self) -> None:
        # Whether the call was given up, so that it counts for its host only.
        self._under_way: dict[WaitingCall, bool] = {}
        self._silent: set[str] = set()

    def __iter__(self) -> Iterator[WaitingCall]:
        """Iterate over the calls under way that were not given up."""
        return (call for call, given_up in self._under_way.items() if not given_up)

    @property
    def has_room(self) -> bool:
        """Whether any call may begin."""
        return len(list(self)) < MOST_CALLS and len(self._under_way) < MOST_THREADS

    @property
    def has_room_for_repeated(self) -> bool:
        """Whether there are few enough calls under way that have failed before."""
        return sum(call.is_repeated for call in self) < MOST_REPEATED

    def is_full_for(self, call: WaitingCall) -> bool:
        """Whether there are as many calls to its host as may be."""
        silent = call.host in self._silent
        most = MOST_PER_SILENT_HOST if silent else MOST_PER_HOST
        return sum(other.host == call.host for other in self._under_way) >= most

    def full_prefixes(self) -> set[str]:
        """Return the beginnings of URLs that lead to hosts for which there is no room."""
        return {call.prefix for call in self._under_way if self.is_full_for(call)}

    def fits(self, call: WaitingCall) -> bool:
        """Whether a call may begin.

        The calls of one webhook for one task are made one after the other, in their order.
        """
        same = (call.task_id, call.webhook_href)
        return (
            self.has_room
            and not self.is_full_for(call)
            and (self.has_room_for_repeated or not call.is_repeated)
            and all((other.task_id, other.webhook_href) != same for other in self)
        )

    def take(self, call: WaitingCall) -> None:
        """Note that a call begins."""
        self._under_way[call] = False

    def give_up(self, call: WaitingCall) -> None:
        """Note that nobody waits for a call any more, though it has not ended."""
        self._under_way[call] = True

    def free(self, call: WaitingCall) -> bool:
        """Note that a call has ended.

        Returns:
            whether somebody waits for it
        """
        return self._under_way.pop(call, True) is False

    def note_answer(self, call: WaitingCall, is_from_receiver: bool) -> None:
        """Remember whether a host answers."""
        if is_from_receiver:
            self._silent.discard(call.host)
        else:
            if len(self._silent) >= MOST_SILENT_HOSTS:
                self._silent.clear()
            self._silent.add(call.host)
