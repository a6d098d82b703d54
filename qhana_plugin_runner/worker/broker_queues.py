"""The queues as Celery's transport keeps them in Redis: messages that no worker has claimed."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..celery import CELERY
from ..tasking.in_flight import Entry, InFlight
from ..tasking.messages import DELIVERY_ID, TASK_ID

MARGIN = 5.0
"""Seconds between registering a message and sending it, at most: the broker may be slow."""


CHUNK = 500
"""Messages that are read at once: some megabytes, and a pause of milliseconds for the broker."""

LOOKED_AT = 20
"""Messages at the head of a queue, one of which tells for how long they have waited."""


class Backlog(NamedTuple):
    """What waits in a queue.

    Attributes:
        messages: how many.
        seconds: for how long the first of them has waited; 0 if it is not known.
    """

    messages: int
    seconds: float


class Queues:
    """One look at the queues of the broker.

    A queue is a list, and what was sent first is taken first. So it does not have to be read: a
    message that is older than the oldest of the queue is no longer in there.

    Args:
        registry: in the same broker
    """

    def __init__(self, registry: InFlight) -> None:
        self._registry = registry
        self._oldest: dict[str, float | None] = {}
        self._now: float = registry.now()

    def may_have(self, message: Entry) -> bool:
        """Whether a message can still be in its queue."""
        if self._now - message.registered_at < MARGIN:
            return True
        if message.queue not in self._oldest:
            self._oldest[message.queue] = self._look(message.queue)
        oldest = self._oldest[message.queue]
        return oldest is not None and message.registered_at >= oldest

    def backlogs(self, queues: Iterable[str]) -> dict[str, Backlog]:
        """Return what waits in each of these queues."""
        with CELERY.connection_for_write() as connection:
            return {
                queue: self._backlog(connection.default_channel, queue)
                for queue in queues
            }

    def _backlog(self, channel: Any, queue: str) -> Backlog:
        keys = [channel._q_for_pri(queue, each) for each in channel.priority_steps]
        sent = (self._first_known(channel, key) for key in keys)
        oldest = min(filter(None, sent), default=self._now)
        messages = sum(map(channel.client.llen, keys))
        return Backlog(messages, max(0.0, self._now - oldest))

    def _first_known(self, channel: Any, key: str) -> float:
        """Return when the first of a list was sent of which that is known.

        It is not of messages of no task, or of one that was cancelled.
        """
        first = reversed(channel.client.lrange(key, -LOOKED_AT, -1))
        return next(filter(None, map(self._sent_at, first)), 0.0)

    def _look(self, queue: str) -> float | None:
        """Return when the oldest message of a queue was sent; ``None`` when there is none."""
        found: list[float] = []
        with CELERY.connection_for_read() as connection:
            channel = connection.default_channel
            for priority in channel.priority_steps:
                last = channel.client.lindex(channel._q_for_pri(queue, priority), -1)
                if last is not None:
                    found.append(self._sent_at(last))
        return min(found, default=None)

    def _sent_at(self, text: Any) -> float:
        headers = json.loads(text).get("headers", {})
        task_id, delivery_id = headers.get(TASK_ID), headers.get(DELIVERY_ID)
        # Messages of no task are not registered: the queue may have anything.
        return self._registry.registered_at(task_id, delivery_id) if delivery_id else 0.0

    def has(self, queue: str, delivery_id: str) -> bool:
        """Whether a message is in a queue; reads all of it, in pieces."""
        with CELERY.connection_for_read() as connection:
            channel = connection.default_channel
            for priority in channel.priority_steps:
                key = channel._q_for_pri(queue, priority)
                for start in range(0, channel.client.llen(key) + CHUNK, CHUNK):
                    for text in channel.client.lrange(key, start, start + CHUNK - 1):
                        if _delivery_of(json.loads(text)) == delivery_id:
                            return True
        return False

    def put_back(self, delivery_id: str) -> bool:
        """Queue a message again that a worker had taken, and died before it claimed it.

        Returns:
            whether there was such a message
        """
        with CELERY.connection_for_write() as connection:
            channel: Any = connection.default_channel
            client = channel.client
            for tag, text in client.hscan_iter(channel.unacked_key):
                message = json.loads(text)[0]
                if _delivery_of(message) == delivery_id:
                    channel.qos.restore_by_tag(tag, client)
                    return True
        return False


def _delivery_of(message: Any) -> str | None:
    """Return the delivery id in the headers of a message."""
    delivery_id: str | None = message.get("headers", {}).get(DELIVERY_ID)
    return delivery_id
