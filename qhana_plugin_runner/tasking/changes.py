"""Tells those who wait for a change of a task, in any process, that it was committed.

It is published through the broker. Nothing depends on that: the database is the truth, and those
who wait look there once in a while in any case.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError
from redis.retry import Retry
from sqlalchemy import event
from sqlalchemy.orm import Session

from ..db import DB
from ..db.after_commit import run_after_commit
from ..db.models.tasks import ProcessingTask, Step, TaskLink, TaskLogEntry
from .broker import redis_url

_KEY = "qhana_task_changes"

TIMEOUT = 1.0
"""Seconds for an answer of the broker: a commit that is published waits for it."""

PAUSE = 1.0
"""Seconds between two tries to reach a broker that is away."""

IDLE_SECONDS = 10.0
"""After how long without a message and without anybody who waits the subscription ends."""

_logger = logging.getLogger(__name__)


class TaskChanges:
    """Publishes changes of tasks, and wakes those who wait for them in this process.

    Without a broker that can tell other processes, only those in this process are woken.

    Args:
        url: of the broker; ``None`` when it is not a Redis server
        prefix: of the channel's name, so that several runners can share a broker

    Attributes:
        is_ending: whether nobody is to wait any more, since this process is to end
    """

    def __init__(self, url: str | None = None, prefix: str = "") -> None:
        self._prefix = prefix
        # Made here, and not when it is first used: a process that is forked meanwhile would wait
        # for ever. It opens new connections in a process that was forked.
        self._client = None if url is None else _client(url)
        self._lock = threading.Lock()
        self._watched: dict[threading.Event, tuple[int, str]] = {}
        self._subscriber: threading.Thread | None = None
        self._away_until = 0.0
        self.is_ending = False

    @property
    def waiting(self) -> int:
        """How many wait in this process."""
        return len(self._watched)

    @contextmanager
    def watch(
        self, task_id: int, limit: int, client: str = "", client_limit: int | None = None
    ) -> Iterator[threading.Event | None]:
        """Yield an event that is set after each change of a task.

        Look at the task in the block, not before: what changes until then may be missed.

        Args:
            task_id: the task
            limit: how many may wait in this process; one more gets ``None``
            client: who waits
            client_limit: how many of these the client may be; all when it is ``None``
        """
        changed = threading.Event()
        with self._lock:
            own = sum(client == other for _task, other in self._watched.values())
            if self.waiting >= limit or (
                client_limit is not None and own >= client_limit
            ):
                changed = None  # type: ignore[assignment]
            else:
                self._watched[changed] = task_id, client
                self._subscribe()
        try:
            yield changed
        finally:
            with self._lock:
                self._watched.pop(changed, None)

    def publish(self, task_id: int) -> None:
        """Tell all processes that a change of a task was committed."""
        if self._client is None:
            self._wake(task_id)
        elif time.monotonic() >= self._away_until:
            try:
                self._client.publish(self._channel(self._client), task_id)
                self._away_until = 0.0
            except RedisError as error:
                self._note_failure(error)

    def end_waiting(self) -> None:
        """Let those who wait answer, as this process is to end; a handler of signals may call it."""
        self.is_ending = True
        # Without the lock, which what the signal interrupts may hold.
        for changed in list(self._watched):
            changed.set()

    def close(self) -> None:
        """Close the connections; the next use opens others."""
        if self._client is not None:
            self._client.close()

    def _note_failure(self, error: Exception) -> None:
        if not self._away_until:  # else it was said before
            _logger.warning("changes of tasks are not published: %s", error)
        self._away_until = time.monotonic() + PAUSE

    def _channel(self, client: Redis) -> str:
        # All databases of a server share their channels.
        number = client.connection_pool.connection_kwargs.get("db") or 0
        return f"{self._prefix}qhana:changes:{number}"

    def _subscribe(self) -> None:
        """Start the subscriber, unless it is there; it does not survive a fork."""
        is_there = self._subscriber is not None and self._subscriber.is_alive()
        if self._client is not None and not is_there:
            self._subscriber = threading.Thread(
                target=self._listen,
                args=[self._client],
                name="task-changes",
                daemon=True,
            )
            self._subscriber.start()

    def _listen(self, client: Redis) -> None:
        while not self._has_nobody_to_wake():
            try:
                with client.pubsub() as pubsub:  # type: ignore[no-untyped-call]
                    pubsub.subscribe(self._channel(client))
                    while message := self._next(pubsub):
                        if message["type"] == "message":
                            self._wake(int(message["data"]))
                        else:  # subscribed, also again after a failure: changes may be missed
                            self._away_until = 0.0
                            self._wake(None)
            except (RedisError, OSError, ValueError) as error:
                # The latter two when another thread has closed the connection.
                self._note_failure(error)
                time.sleep(PAUSE)

    def _next(self, pubsub: Any) -> Any:
        """Return the next message; ``None`` when nobody waits for one."""
        while (message := pubsub.get_message(timeout=IDLE_SECONDS)) is None:
            if not self._watched:
                return None
        return message

    def _has_nobody_to_wake(self) -> bool:
        with self._lock:
            if not self._watched:
                self._subscriber = None
            return not self._watched

    def _wake(self, task_id: int | None) -> None:
        with self._lock:
            for changed, (watched, _client) in self._watched.items():
                if task_id in (None, watched):
                    changed.set()


def _client(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_connect_timeout=TIMEOUT,
        socket_timeout=TIMEOUT,
        socket_keepalive=True,
        # Once, for a connection that was closed while nobody used it.
        retry=Retry(NoBackoff(), 1, (ConnectionError,)),
    )


def register_changes(app: Flask) -> None:
    """Prepare to publish; nothing is connected before it is needed."""
    config = app.config["CELERY"]
    options = config.get("broker_transport_options") or {}
    url = None if app.testing else redis_url(config.get("broker_url"))
    app.extensions[_KEY] = TaskChanges(url, options.get("global_keyprefix", ""))


def end_waiting(app: Flask) -> None:
    """Let those who wait for a change in this process answer, as it is to end."""
    changes: TaskChanges = app.extensions[_KEY]
    changes.end_waiting()


def task_changes() -> TaskChanges:
    """Return what publishes the changes of the current app's tasks."""
    changes: TaskChanges = current_app.extensions[_KEY]
    return changes


def note_change(session: Session, task_id: int) -> None:
    """Publish, once the session's open transaction is committed, that a task has changed."""
    run_after_commit(session, _publish, task_id)


def _publish(task_id: int) -> None:
    task_changes().publish(task_id)


@event.listens_for(DB.session, "after_flush")
def _note_rows(session: Session, _context: Any) -> None:
    """Note what objects have changed, but for new tasks, and for files: they show with the end.

    What plugins write to the rows of tasks is noted in :mod:`.life_cycle.rows`.
    """
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, (TaskLink, TaskLogEntry)):
            if row.task_id is not None:
                note_change(session, row.task_id)
        elif isinstance(row, Step) or (
            isinstance(row, ProcessingTask) and row in session.deleted
        ):
            note_change(session, row.id)
