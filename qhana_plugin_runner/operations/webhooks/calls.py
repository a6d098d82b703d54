"""The calls under way in this process: how many at once, to whom, and what came of them."""

import logging
import queue
import re
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from ...util.current_message import CurrentMessage, working_on
from .call import WEBHOOK_TIMEOUT, Answer, Meaning, call_for_answer, timed_out

MAX_CALLS = 16
"""Calls at once. They wait for others nearly all of the time, and the longest wait is 10 s."""

MAX_REPEATED = MAX_CALLS // 2
"""Of these, calls that have failed before: the others find room whatever is dead."""

MAX_PER_HOST = 4
"""Calls at once to one host. So one that does not answer takes a quarter of the room."""

MAX_PER_SILENT_HOST = 1
"""The same for a host whose last call got no answer at all."""

MAX_THREADS = 4 * MAX_CALLS
"""Threads, with those of calls that were given up and do not end. What keeps a thread beyond the
time-out is looking up a name, or an answer that drips in byte by byte."""

MAX_SILENT_HOSTS = 1000
"""Silent hosts that are remembered; to forget them costs a few calls."""

GRACE = 1.0
"""Seconds after the time-out in which a call may still tell itself how it has ended."""

_ORIGIN = re.compile(r"([a-z]+://)(?:[^/?#]*@)?([^/?#]*)", re.IGNORECASE)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """A call to make.

    Attributes:
        delivery_id: its row in the outbox.
        attempt: which attempt it will be, from 1.
        webhook_href: the URL as it was subscribed.
        task_id: the task that has changed.
        url: the URL to call.
        task_url: the URL of the task.
        event_type: what has changed.
        headers: the signature, if there is one.
        request_id: names the HTTP request that has led to the change.
    """

    delivery_id: int
    attempt: int
    webhook_href: str
    task_id: int
    url: str = field(default="", compare=False)
    task_url: str = field(default="", compare=False)
    event_type: str = field(default="", compare=False)
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)
    request_id: str = field(default="", compare=False)

    @property
    def prefix(self) -> str:
        """The beginning of ``webhook_href`` that tells the host."""
        match = _ORIGIN.match(self.webhook_href)
        return match[0] if match else self.webhook_href

    @cached_property
    def host(self) -> str:
        """Host and port."""
        match = _ORIGIN.match(self.webhook_href)
        return match[2].lower() if match else self.webhook_href

    @property
    def message(self) -> CurrentMessage:
        """What log lines about it name, and the call itself."""
        return CurrentMessage(task_id=self.task_id, request_id=self.request_id)

    @property
    def webhook(self) -> tuple[int, str]:
        """The task and the webhook: between these two, calls keep their order."""
        return self.task_id, self.webhook_href


class Calls:
    """The calls under way; one thread at a time uses it.

    The threads of the calls do nothing else, and end with the process.

    Args:
        timeout: seconds in which a receiver has to answer
        in_threads: without it, each call is made when it is started
    """

    def __init__(self, timeout: float = WEBHOOK_TIMEOUT, in_threads: bool = True) -> None:
        self._timeout, self._in_threads = timeout, in_threads
        self._began: dict[Call, float] = {}
        self._given_up: set[Call] = (
            set()
        )  # they have not ended, and count for their hosts
        self._silent: set[str] = set()
        self._ended: queue.SimpleQueue[tuple[Call, Answer]] = queue.SimpleQueue()

    @property
    def is_idle(self) -> bool:
        """Whether no call is under way, but for those that were given up."""
        return not self._began

    def has_room(self, chosen: Collection[Call] = (), repeated: bool = False) -> bool:
        """Whether one more call may begin.

        Args:
            chosen: calls that are about to begin
            repeated: one that has failed before
        """
        calls = [*self._began, *chosen]
        if repeated and sum(call.attempt > 1 for call in calls) >= MAX_REPEATED:
            return False
        return len(calls) < MAX_CALLS and len(calls) + len(self._given_up) < MAX_THREADS

    def is_full_for(self, host: str, chosen: Collection[Call] = ()) -> bool:
        """Whether there are as many calls to a host as may be."""
        limit = MAX_PER_SILENT_HOST if host in self._silent else MAX_PER_HOST
        calls = (*self._began, *self._given_up, *chosen)
        return sum(call.host == host for call in calls) >= limit

    def full_prefixes(self, chosen: Collection[Call] = ()) -> set[str]:
        """Return the beginnings of URLs that lead to hosts for which there is no room."""
        calls = (*self._began, *self._given_up, *chosen)
        return {call.prefix for call in calls if self.is_full_for(call.host, chosen)}

    def fits(self, call: Call, chosen: Collection[Call] = ()) -> bool:
        """Whether a call may begin beside those that are under way and chosen."""
        return (
            self.has_room(chosen, repeated=call.attempt > 1)
            and not self.is_full_for(call.host, chosen)
            and all(other.webhook != call.webhook for other in (*self._began, *chosen))
        )

    def start(self, call: Call) -> None:
        """Make a call."""
        self._began[call] = time.monotonic()
        if not self._in_threads:
            self._make(call)
            return
        name = f"webhook-{call.delivery_id}"
        thread = threading.Thread(target=self._make, args=[call], name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the process ends, or may have no more threads
            self._ended.put((call, Answer(Meaning.NOT_NOW, str(error))))

    def _make(self, call: Call) -> None:
        answer = Answer(Meaning.NOT_NOW, "the call has failed in the runner")
        with working_on(call.message):
            try:
                answer = call_for_answer(
                    call.url, call.task_url, call.event_type, call.headers, self._timeout
                )
            except Exception:
                _logger.exception("the webhook of delivery %d", call.delivery_id)
            finally:
                self._ended.put((call, answer))

    def answers(self, wait: float = 0.0) -> dict[Call, Answer]:
        """Return what has ended since the last time, or has taken too long.

        Args:
            wait: seconds to wait for the first answer, when calls are under way
        """
        ended: list[tuple[Call, Answer]] = []
        with suppress(queue.Empty):
            if self._began:
                ended.append(self._ended.get(timeout=wait))
            while True:
                ended.append(self._ended.get_nowait())
        answers = {call: answer for call, answer in ended if call in self._began}
        self._given_up.difference_update(call for call, _answer in ended)
        too_long_ago = time.monotonic() - self._timeout - GRACE
        for call, began in self._began.items():
            if began < too_long_ago and call not in answers:
                self._given_up.add(call)
                answers[call] = timed_out(self._timeout)
        for call, answer in answers.items():
            del self._began[call]
            self._note_host(call.host, answer.is_from_receiver)
        return answers

    def _note_host(self, host: str, answers: bool) -> None:
        if answers:
            self._silent.discard(host)
        elif len(self._silent) < MAX_SILENT_HOSTS:
            self._silent.add(host)
        else:
            self._silent = {host}
