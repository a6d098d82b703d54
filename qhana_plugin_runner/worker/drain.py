"""A worker that is to end gives back the messages that it has taken and not begun."""

from typing import Any

from celery.worker.state import active_requests

from ..celery import CELERY
from ..tasking.messages import DELIVERY_ID

__all__ = ["GiveBack"]


class GiveBack:
    """Puts messages back into their queues, where other workers take them.

    Celery does so when its last task is done, which may take hours. Until then nobody would have
    them: it waits for the time of some (``retry``, ``countdown``), and others are there with
    ``worker_disable_prefetch`` switched off.

    A message that the worker begins with all the same is done once: who claims it first does it.
    Those that nobody claims, as they belong to no task, stay with Celery.

    Args:
        worker: Celery's worker; its connection to the broker is the one at this moment
    """

    def __init__(self, worker: Any) -> None:
        consumer = getattr(getattr(worker, "consumer", None), "task_consumer", None)
        self._qos: Any = getattr(getattr(consumer, "channel", None), "qos", None)
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
        """Return the tags of messages that are neither confirmed nor at work."""
        if self._qos is None:
            return set()
        begun = {request.message.delivery_tag for request in list(active_requests)}
        confirmed: set[str] = set(self._qos._dirty)
        return {
            tag
            for tag, message in list(self._qos._delivered.items())
            if is_last or message.headers.get(DELIVERY_ID)
        } - (begun | confirmed)
