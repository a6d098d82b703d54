"""Calls in threads, so that nobody waits for a receiver."""

import logging
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from .call import WEBHOOK_TIMEOUT, Answer, Meaning, call_for_answer, timed_out
from .slots import Slots, WaitingCall

__all__ = ["CallThreads", "Request"]

GRACE = 1.0
"""Seconds after the time-out in which a call may still say itself how it has ended."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What is sent: see :func:`~qhana_plugin_runner.operations.webhooks.call.post`."""

    url: str
    task_url: str
    event_type: str
    headers: Mapping[str, str]


class CallThreads:
    """The calls under way in this process; one thread at a time uses it.

    The threads of the calls do nothing else, and end with the process.

    Args:
        timeout: seconds in which a receiver has to answer
        in_threads: without it, each call is made when it is started
    """

    def __init__(self, timeout: float = WEBHOOK_TIMEOUT, in_threads: bool = True) -> None:
        self.slots = Slots()
        self._in_threads = in_threads
        self._timeout = timeout
        self._began: dict[WaitingCall, float] = {}
        self._ended: queue.SimpleQueue[tuple[WaitingCall, Answer]] = queue.SimpleQueue()

    def start(self, call: WaitingCall, request: Request) -> None:
        """Make a call that has a slot."""
        self._began[call] = time.monotonic()
        if not self._in_threads:
            self._make(call, request)
            return
        name = f"webhook-{call.delivery_id}"
        thread = threading.Thread(
            target=self._make, args=(call, request), name=name, daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # the process ends, or may have no more threads
            self._ended.put((call, Answer(Meaning.NOT_NOW, str(error))))

    def _make(self, call: WaitingCall, request: Request) -> None:
        answer = Answer(Meaning.NOT_NOW, "the call has failed in the runner")
        try:
            answer = call_for_answer(
                request.url,
                request.task_url,
                request.event_type,
                request.headers,
                self._timeout,
            )
        except Exception:
            _logger.exception("the webhook of delivery %d", call.delivery_id)
        finally:
            self._ended.put((call, answer))

    def answers(self, wait: float) -> dict[WaitingCall, Answer]:
        """Return what has ended since the last time, or has taken too long.

        Args:
            wait: seconds to wait for the first answer, when calls are under way
        """
        answers: dict[WaitingCall, Answer] = {}
        try:
            if self._began:
                self._take(*self._ended.get(timeout=wait), answers)
            while True:
                self._take(*self._ended.get_nowait(), answers)
        except queue.Empty:
            pass
        too_long_ago = time.monotonic() - self._timeout - GRACE
        for call in [call for call, began in self._began.items() if began < too_long_ago]:
            self._began.pop(call)
            self.slots.give_up(call)
            answers[call] = timed_out(self._timeout)
        for call, answer in answers.items():
            self.slots.note_answer(call, answer.is_from_receiver)
        return answers

    def _take(
        self, call: WaitingCall, answer: Answer, answers: dict[WaitingCall, Answer]
    ) -> None:
        self._began.pop(call, None)
        if self.slots.free(call):
            answers[call] = answer
