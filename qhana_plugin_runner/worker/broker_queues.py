"""Where messages are that no worker has begun with, as Celery's transport keeps them in Redis."""

import json
from typing import Any

from ..celery import CELERY
from ..tasking.in_flight import Entry, Ledger
from ..tasking.messages import TOKEN

__all__ = ["Queues"]

MARGIN = 5.0
"""Seconds between noting a message and sending it, at most: the broker may be slow."""


PIECE = 500
"""Messages that are read at once: some megabytes, and a pause of milliseconds for the broker."""


class Queues:
    """One look at the queues of the broker.

    A queue is a list, and what was sent first is taken first. So it does not have to be read: a
    message that is older than the oldest of the queue is no longer in there.

    Args:
        ledger: in the same broker
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._oldest: dict[str, float | None] = {}
        self._now: float = ledger.now()

    def may_have(self, message: Entry) -> bool:
        """Whether a message can still be in its queue."""
        if self._now - message.sent < MARGIN:
            return True
        if message.queue not in self._oldest:
            self._oldest[message.queue] = self._look(message.queue)
        oldest = self._oldest[message.queue]
        return oldest is not None and message.sent >= oldest

    def _look(self, queue: str) -> float | None:
        """Return when the oldest message of a queue was sent; ``None`` when there is none."""
        found: list[float] = []
        with CELERY.connection_for_read() as connection:
            channel = connection.default_channel
            for priority in channel.priority_steps:
                last = channel.client.lindex(channel._q_for_pri(queue, priority), -1)
                if last is None:
                    continue
                headers = json.loads(last).get("headers", {})
                owner, token = headers.get("qhana_task"), headers.get(TOKEN)
                # Nothing is known of messages that are nobody's: the queue may have anything.
                found.append(self._ledger.sent_at(owner, token) if token else 0.0)
        return min(found, default=None)

    def has(self, queue: str, token: str) -> bool:
        """Whether a message is in a queue; reads all of it, in pieces."""
        with CELERY.connection_for_read() as connection:
            channel = connection.default_channel
            for priority in channel.priority_steps:
                key = channel._q_for_pri(queue, priority)
                for start in range(0, channel.client.llen(key) + PIECE, PIECE):
                    for text in channel.client.lrange(key, start, start + PIECE - 1):
                        if json.loads(text).get("headers", {}).get(TOKEN) == token:
                            return True
        return False

    def put_back(self, token: str) -> bool:
        """Queue a message again that a worker had taken, and died before it began with it.

        Returns:
            whether there was such a message
        """
        with CELERY.connection_for_write() as connection:
            channel: Any = connection.default_channel
            client = channel.client
            for tag, text in client.hscan_iter(channel.unacked_key):
                message = json.loads(text)[0]
                if message.get("headers", {}).get(TOKEN) == token:
                    channel.qos.restore_by_tag(tag, client)
                    return True
        return False
