"""The messages in flight: for each open task a hash in the broker, beside the messages.

A delivery has an id of its own, which travels in the headers of its message, so that a second
delivery of one message is recognized, and a retry of the same Celery task is not mistaken for it.
The hash of a task holds what is registered of each delivery, and beside that:

* ``!`` is there as long as the broker has not lost the hash;
* ``!began``: when a worker first claimed a message of the task;
* ``!cancel``: no more messages are to start;
* ``!ended``, the tombstone: the task was ended from outside; what is still sent of it does not
  start.

What is needed to send a message again is in a second hash: until a worker begins with it, and as long
as it is in flight if it may be begun more than once.

What can be lost together is kept together: a broker that forgets the messages has forgotten what
is registered of them, too. All times are the broker's, in seconds.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import ConnectionError
from redis.retry import Retry

_PREFIX = "qhana"

MAX_LIFETIME = 60 * 24 * 60 * 60
"""Seconds after which a hash that is not touched is removed: no task computes for two months."""

TOMBSTONE_SECONDS = 24 * 60 * 60
"""For how long it is remembered that a task was ended while something of it was running."""

_LUA = Path(__file__).with_name("lua")


class Claim(NamedTuple):
    """Whether a message may start.

    Attributes:
        verdict: ``ok``; ``taken`` by another delivery of it; ``cancelled``; ``ended``: its
            task was; ``unknown``: done before, or the broker has lost its data.
        running_for: seconds since a worker first claimed a message of the task.
        waited: seconds since the message was registered, right before it was sent.
    """

    verdict: str
    running_for: float
    waited: float = 0.0


class Entry(NamedTuple):
    """What is registered of a message.

    Attributes:
        delivery_id: names it.
        queue: where it was sent to.
        registered_at: when, right before it was sent.
        worker: who has claimed it; ``None`` before.
        claimed_at: when the worker has claimed it; 0 before.
        payload: what is needed to send it again; ``None`` when it was begun, and is not to be.
        request_id: names the HTTP request that has led to it; blank for none.
    """

    delivery_id: str
    queue: str
    registered_at: float
    worker: str | None
    claimed_at: float
    payload: Mapping[str, Any] | None
    request_id: str = ""


class TaskEntries(NamedTuple):
    """What is registered of the messages of a task.

    Attributes:
        is_known: ``False`` when the broker has no hash of the task, or has lost it.
        messages: those in flight.
        is_cancelled: whether no more of them start.
    """

    is_known: bool
    messages: list[Entry]
    is_cancelled: bool = False


class Report(NamedTuple):
    """What a worker tells with a heartbeat.

    Attributes:
        at: when.
        held: the messages that it has, by task and delivery id.
        at_work: the tasks of those that it runs.
    """

    at: float
    held: set[tuple[int, str]]
    at_work: set[int]


class Introduction(NamedTuple):
    """What a worker tells about itself.

    Attributes:
        is_alive: whether its last heartbeat is recent.
        about: what does not change while it runs; empty from an older version.
        at_work: how many tasks it runs.
    """

    is_alive: bool
    about: Mapping[str, Any]
    at_work: int


class InFlight:
    """The registry of messages in flight in one broker.

    Args:
        client: of the broker, returns text
        prefix: of all keys, so that several runners can share a broker
    """

    def __init__(self, client: Redis, prefix: str = "") -> None:
        self.client = client
        self._prefix = f"{prefix}{_PREFIX}"
        self._register, self._claim, self._supersede, self._complete, self._cancel = (
            client.register_script((_LUA / f"{name}.lua").read_text("utf-8"))
            for name in ("register", "claim", "supersede", "complete", "request_cancel")
        )

    def _task(self, task_id: int) -> str:
        return f"{self._prefix}:task:{task_id}"

    def _hashes(self, task_id: int) -> list[str]:
        return [self._task(task_id), f"{self._task(task_id)}:again"]

    def _worker(self, worker: str) -> str:
        return f"{self._prefix}:worker:{worker}"

    def register(
        self,
        task_id: int,
        delivery_id: str,
        queue: str,
        payload: str = "",
        request_id: str = "",
        begins_once: bool = False,
    ) -> None:
        """Register a message right before it is sent.

        Args:
            task_id: the task
            delivery_id: the message
            queue: where it goes
            payload: what is needed to send it again
            request_id: names the HTTP request that has led to it
            begins_once: whether it is not to be sent again when a worker has begun with it
        """
        arguments: list[str | int]
        arguments = [delivery_id, queue, payload, MAX_LIFETIME, request_id]
        self._register(self._hashes(task_id), [*arguments, "1" if begins_once else ""])

    def claim(self, task_id: int, delivery_id: str, worker: str) -> Claim:
        """Claim a message for a worker, if it may start."""
        arguments = [delivery_id, worker, uuid4().hex]
        verdict, *seconds = self._claim(self._hashes(task_id), arguments)
        return Claim(verdict, *map(float, seconds))

    def supersede(
        self, task_id: int, delivery_id: str, worker: str | None = None
    ) -> str | None:
        """Register a new message in the place of a lost one, which is about to be sent again.

        Of several who try, one does: when it dies before it has sent the new message, that one
        is found to be lost in its turn.

        Args:
            task_id: the task
            delivery_id: the lost message
            worker: who had claimed it, empty for nobody; any if not given

        Returns:
            the id of the new delivery; ``None`` when the lost one is not there any more, or a
            worker has claimed it
        """
        new = uuid4().hex
        owner = [worker or "", "" if worker is None else "1"]
        is_done = self._supersede(self._hashes(task_id), [delivery_id, new, *owner])
        return new if is_done else None

    def complete(self, task_id: int, delivery_id: str, keep_last: bool = False) -> int:
        """Remove a message whose work is done, or that could not be sent.

        Args:
            task_id: the task
            delivery_id: the message
            keep_last: leave the message when it is the only one, so that the state of the task
                can be written before

        Returns:
            how many other messages of the task are in flight; -1 when that is not known, since
            the broker has lost its data
        """
        arguments = [delivery_id, "1" if keep_last else ""]
        return int(self._complete(self._hashes(task_id), arguments))

    def request_cancel(self, task_id: int) -> int:
        """Let no more messages of a task start; return how many workers have claimed."""
        return int(self._cancel([self._task(task_id)]))

    def cancelled(self, task_ids: Iterable[int]) -> set[int]:
        """Return those tasks that are to be cancelled."""
        task_ids = list(task_ids)
        with self._pipeline() as pipeline:
            for task_id in task_ids:
                pipeline.hexists(self._task(task_id), "!cancel")
            answers = pipeline.execute()
        return {task_id for task_id, answer in zip(task_ids, answers) if answer}

    def delete(self, task_id: int) -> None:
        """Remove all that is registered of a task that has ended with its last message."""
        self.client.delete(*self._hashes(task_id))

    def tombstone(self, task_id: int) -> None:
        """Remember for a day that a task was ended, whatever of it is still in flight."""
        with self._pipeline() as pipeline:
            pipeline.delete(*self._hashes(task_id))
            pipeline.hset(self._task(task_id), "!ended", "1")
            pipeline.expire(self._task(task_id), TOMBSTONE_SECONDS)
            pipeline.execute()

    def entries(
        self, task_ids: Iterable[int], with_payloads: bool = True
    ) -> dict[int, TaskEntries]:
        """Return what is registered of the messages of each task.

        Args:
            task_ids: the tasks
            with_payloads: whether to read what is needed to send them again, which may be much
        """
        task_ids = list(task_ids)
        with self._pipeline() as pipeline:
            for task_id in task_ids:
                entries, payloads = self._hashes(task_id)
                pipeline.hgetall(entries)
                if with_payloads:
                    pipeline.hgetall(payloads)
            found = pipeline.execute()
        if with_payloads:
            pairs = zip(found[::2], found[1::2])
        else:
            pairs = zip(found, repeat({}))
        return {id_: _entries(*pair) for id_, pair in zip(task_ids, pairs)}

    def heartbeat(self, worker: str, seconds: float, report: Report) -> bool:
        """Tell that a worker lives, and what it has.

        Args:
            worker: which one
            seconds: after that long without another heartbeat it counts as silent
            report: what it has

        Returns:
            whether the broker has what the worker tells about itself
        """
        lists = {"held": list(report.held), "at_work": list(report.at_work)}
        text = json.dumps({"at": report.at, **lists})
        with self._pipeline() as pipeline:
            pipeline.set(f"{self._worker(worker)}:alive", "1", px=int(seconds * 1000))
            pipeline.set(self._worker(worker), text, ex=24 * 60 * 60)
            pipeline.sadd(f"{self._prefix}:workers", worker)
            pipeline.exists(f"{self._worker(worker)}:about")
            return bool(pipeline.execute()[-1])

    def introduce(self, worker: str, about: Mapping[str, Any]) -> None:
        """Tell about a worker what does not change while it runs."""
        text = json.dumps(about)
        self.client.set(f"{self._worker(worker)}:about", text, ex=24 * 60 * 60)

    def introductions(self) -> dict[str, Introduction]:
        """Return what the workers have told about themselves; changes nothing."""
        workers = sorted(map(str, self.client.smembers(f"{self._prefix}:workers")))
        with self._pipeline() as pipeline:
            for worker in workers:
                pipeline.exists(f"{self._worker(worker)}:alive")
                pipeline.get(f"{self._worker(worker)}:about")
                pipeline.get(self._worker(worker))
            answers = pipeline.execute()
        return {
            worker: Introduction(
                bool(alive),
                json.loads(about) if about else {},
                len(json.loads(report)["at_work"]) if report else 0,
            )
            for worker, alive, about, report in zip(
                workers, answers[::3], answers[1::3], answers[2::3]
            )
        }

    def unregister_worker(self, worker: str) -> None:
        """Remove a worker that has ended."""
        key = self._worker(worker)
        self.client.delete(f"{key}:alive", f"{key}:about", key)
        self.client.srem(f"{self._prefix}:workers", worker)

    def connection_name(self, worker: str) -> str:
        """Return how a worker names a connection that is open as long as it lives."""
        return f"{self._prefix}-{worker}".replace(" ", "-")

    def live_workers(self) -> dict[str, Report]:
        """Return the workers that live, and the last report of each.

        A worker lives when its last heartbeat is recent, or when its named connection is open:
        no heartbeat is sent while code in C holds Python's lock, but the kernel answers.
        """
        workers = [str(name) for name in self.client.smembers(f"{self._prefix}:workers")]
        with self._pipeline() as pipeline:
            for worker in workers:
                pipeline.exists(f"{self._worker(worker)}:alive")
                pipeline.get(self._worker(worker))
            answers = pipeline.execute()
        pairs = list(zip(workers, answers[::2], answers[1::2]))
        silent = {worker for worker, alive, _report in pairs if not alive}
        connected = self._connected() if silent else set()
        living: dict[str, Report] = {}
        for worker, alive, text in pairs:
            if alive or self.connection_name(worker) in connected:
                living[worker] = (
                    _report(json.loads(text)) if text else Report(0.0, set(), set())
                )
            else:
                self.unregister_worker(worker)
        return living

    def uptime(self) -> float:
        """Return for how many seconds the broker has been running."""
        return float(self.client.info("server")["uptime_in_seconds"])

    def now(self) -> float:
        """Return the time of the broker."""
        seconds, microseconds = self.client.time()
        return seconds + microseconds / 1_000_000

    def registered_at(self, task_id: int, delivery_id: str) -> float:
        """Return when a message was registered; 0 when it is not."""
        entry = self.client.hget(self._task(task_id), delivery_id)
        return float(json.loads(entry)["sent"]) if entry else 0.0

    def connected_client(self, worker: str) -> Redis:
        """Open the named connection of a worker, and return its client.

        A command fails soon when the broker is away, however long the registry tries to reach it,
        and opens the connection again when the broker is back.
        """
        options = self.client.connection_pool.connection_kwargs
        retry = Retry(NoBackoff(), 1, (ConnectionError,))
        client = Redis(
            single_connection_client=True,
            connection_pool=ConnectionPool(
                connection_class=self.client.connection_pool.connection_class,
                **{
                    **options,
                    "client_name": self.connection_name(worker),
                    "retry": retry,
                },
            ),
        )
        self.client.ping()  # waits for a broker that is away when the worker starts
        client.ping()
        return client

    def _connected(self) -> set[str]:
        return {str(client.get("name", "")) for client in self.client.client_list()}

    def _pipeline(self) -> Pipeline:
        return self.client.pipeline(transaction=False)


def _report(values: Mapping[str, Any]) -> Report:
    held = {(int(task), delivery_id) for task, delivery_id in values["held"]}
    return Report(float(values["at"]), held, set(values["at_work"]))


def _entries(fields: Mapping[str, str], payloads: Mapping[str, str]) -> TaskEntries:
    messages = []
    for delivery_id, text in fields.items():
        if delivery_id.startswith("!"):
            continue
        entry = json.loads(text)
        payload = payloads.get(delivery_id)
        messages.append(
            Entry(
                delivery_id,
                entry["queue"],
                float(entry["sent"]),
                entry.get("worker"),
                float(entry.get("started", 0)),
                json.loads(payload) if payload else None,
                entry.get("request", ""),
            )
        )
    return TaskEntries("!" in fields, messages, "!cancel" in fields)
