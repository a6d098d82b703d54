"""A worker that is to end gives back the messages that it has taken and not begun."""

from collections.abc import Iterator
from typing import Any

from celery.worker.state import active_requests, reserved_requests

from ..celery import CELERY
from ..tasking.messages import DELIVERY_ID


class GiveBack:
    """Puts messages back into their queues, where other workers take them.

    Celery does so when its last task is done, which may take hours. Until then nobody would have
    them: it waits for the time of some (``retry``, ``countdown``), and others are there with
    ``worker_disable_prefetch`` switched off.

    A message that the worker begins with all the same is done once: who claims it first does it.
    Those that nobody claims, as they belong to no task, stay with Celery.

    Args:
        worker: Celery's worker
    """

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._done: set[str] = set()

    def run(self, is_last: bool = False) -> None:
        """Give back what the worker has by now; call it in any thread.

        Args:
            is_last: the worker ends right after this, so that it cannot begin with anything
        """
        tags = self._not_begun(is_last) - self._done
        if not tags:
            return
        with CELERY.connection_for_write() as connection:
            channel: Any = connection.default_channel
            for tag in tags:
                # Before all others: it has waited already. One that is confirmed meanwhile is
                # not there any more, and nothing happens.
                channel.qos.restore_by_tag(tag, leftmost=True)
        self._done |= tags

    def _not_begun(self, is_last: bool) -> set[str]:
        """Return the tags of messages that wait in the worker."""
        # First: one that ends meanwhile is not confirmed yet, and must not look like one that waits.
        begun = set(active_requests)
        return {
            request.message.delivery_tag
            for request in not_started(self._worker)
            if request not in begun and (is_last or request.request_dict.get(DELIVERY_ID))
        }


def not_started(worker: Any) -> Iterator[Any]:
    """Yield the requests that wait in the worker for a process, or for their time."""
    yield from list(reserved_requests)
    timer = getattr(getattr(worker, "consumer", None), "timer", None)
    for waiting in list(timer.schedule.queue) if timer is not None else []:
        arguments = waiting.entry.args
        if arguments and hasattr(arguments[0], "request_dict"):
            yield arguments[0]
