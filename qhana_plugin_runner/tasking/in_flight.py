"""The ledger: for each open task a hash in the broker, beside the messages that it counts.

A message has a token of its own, which travels in its headers, so that each delivery of one
message is recognised, and a retry of the same Celery task is not mistaken for it. The hash of a
task holds for each token what is known of the message, and beside them:

* ``!`` is there as long as the broker has not lost the hash;
* ``!began``: when a worker has first begun with the task;
* ``!cancel``: no more messages are to start;
* ``!ended``: the task was ended from outside; what is still sent of it does not start.

Messages that may be sent again are kept in a second hash.

What can be lost together is kept together: a broker that forgets the messages has forgotten the
ledger, too. All times are the broker's, in seconds.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from redis import ConnectionPool, Redis
from redis.client import Pipeline

__all__ = ["Entry", "Ledger", "Report", "Start", "TaskEntries"]

_PREFIX = "qhana"

LONGEST = 60 * 24 * 60 * 60
"""Seconds after which a hash that nobody touches is removed: no task computes for two months."""

REMEMBERED = 24 * 60 * 60
"""Seconds for which it is remembered that a task was ended while something of it was running."""

_NOW = "local t = redis.call('TIME'); local now = t[1] + t[2] / 1000000; "

# KEYS: hash, hash of messages. ARGV: token, queue, the message or "", longest.
_SENT = (
    _NOW + "redis.call('HSET', KEYS[1], '!', '1', ARGV[1],"
    " cjson.encode({queue = ARGV[2], sent = now}));"
    "redis.call('EXPIRE', KEYS[1], ARGV[4]);"
    "if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], ARGV[1], ARGV[3]);"
    " redis.call('EXPIRE', KEYS[2], ARGV[4]) end;"
    "return tostring(now)"
)

# KEYS: hash. ARGV: token, worker, text that names this call: it is repeated when no answer comes.
_START = (
    _NOW + "local entry = redis.call('HGET', KEYS[1], ARGV[1]);"
    "if not entry then return {'unknown', '0'} end;"
    "if redis.call('HEXISTS', KEYS[1], '!ended') == 1 then return {'ended', '0'} end;"
    "entry = cjson.decode(entry);"
    "if entry.worker and entry.call ~= ARGV[3] then return {'taken', '0'} end;"
    "if redis.call('HEXISTS', KEYS[1], '!cancel') == 1 then"
    " redis.call('HDEL', KEYS[1], ARGV[1]); return {'cancelled', '0'} end;"
    "entry.worker = ARGV[2]; entry.call = ARGV[3]; entry.started = now;"
    "redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(entry));"
    "redis.call('HSETNX', KEYS[1], '!began', tostring(now));"
    "return {'ok', tostring(now - redis.call('HGET', KEYS[1], '!began'))}"
)

# KEYS: hash, hash of messages. ARGV: token, new token, worker or "", whether that matters.
_REPLACE = (
    _NOW + "local entry = redis.call('HGET', KEYS[1], ARGV[1]);"
    "if not entry then return 0 end;"
    "entry = cjson.decode(entry);"
    "if ARGV[4] == '1' and (entry.worker or '') ~= ARGV[3] then return 0 end;"
    "redis.call('HDEL', KEYS[1], ARGV[1]);"
    "redis.call('HSET', KEYS[1], ARGV[2],"
    " cjson.encode({queue = entry.queue, sent = now}));"
    "local message = redis.call('HGET', KEYS[2], ARGV[1]);"
    "if message then redis.call('HDEL', KEYS[2], ARGV[1]);"
    " redis.call('HSET', KEYS[2], ARGV[2], message) end;"
    "return 1"
)

# KEYS: hash, hash of messages. ARGV: token, "keep last" or "". Returns how many others there are.
_DONE = (
    "if redis.call('HEXISTS', KEYS[1], '!') == 0 then return -1 end;"
    "local others = redis.call('HLEN', KEYS[1]) - redis.call('HEXISTS', KEYS[1], ARGV[1]);"
    "for _, name in ipairs({'!', '!began', '!cancel', '!ended'}) do"
    " others = others - redis.call('HEXISTS', KEYS[1], name) end;"
    "if others > 0 or ARGV[2] == '' then"
    " redis.call('HDEL', KEYS[1], ARGV[1]); redis.call('HDEL', KEYS[2], ARGV[1]) end;"
    "return others"
)

# KEYS: hash. Returns how many messages are with a worker.
_CANCEL = (
    "local started = 0; local fields = redis.call('HGETALL', KEYS[1]);"
    "for i = 1, #fields, 2 do"
    " if string.sub(fields[i], 1, 1) ~= '!' and cjson.decode(fields[i + 1]).worker then"
    "  started = started + 1 end end;"
    "if #fields > 0 then redis.call('HSET', KEYS[1], '!cancel', '1') end;"
    "return started"
)


class Start(NamedTuple):
    """Whether a message may start.

    Attributes:
        verdict: ``ok``; ``taken`` by another delivery of it; ``cancelled``; ``ended``: its
            task was; ``unknown``: done before, or the broker has lost its data.
        running_for: seconds since a worker has begun with the task.
    """

    verdict: str
    running_for: float


class Entry(NamedTuple):
    """What is known of a message.

    Attributes:
        token: names the message.
        queue: where it was sent to.
        sent: when.
        worker: who has begun with it; ``None`` before.
        started: when the worker has begun with it; 0 before.
        again: what is needed to send it again; ``None`` when it is not to be.
    """

    token: str
    queue: str
    sent: float
    worker: str | None
    started: float
    again: Mapping[str, Any] | None


class TaskEntries(NamedTuple):
    """What is known of the messages of a task.

    Attributes:
        known: ``False`` when the broker has no hash of the task, or has lost it.
        messages: those that are under way.
    """

    known: bool
    messages: list[Entry]


class Report(NamedTuple):
    """What a worker has told of itself.

    Attributes:
        at: when.
        held: the messages that it had, by task and token.
        at_work: the tasks of those that it had begun with.
    """

    at: float
    held: set[tuple[int, str]]
    at_work: set[int]


class Ledger:
    """The ledger in one broker.

    Args:
        client: of the broker, returns text
        prefix: of all keys, so that several runners can share a broker
    """

    def __init__(self, client: Redis, prefix: str = "") -> None:
        self.client = client
        self._prefix = f"{prefix}{_PREFIX}"
        self._sent, self._start, self._replace, self._done, self._cancel = (
            client.register_script(text)
            for text in (_SENT, _START, _REPLACE, _DONE, _CANCEL)
        )

    def _task(self, task_id: int) -> str:
        return f"{self._prefix}:task:{task_id}"

    def _hashes(self, task_id: int) -> list[str]:
        return [self._task(task_id), f"{self._task(task_id)}:again"]

    def _worker(self, worker: str) -> str:
        return f"{self._prefix}:worker:{worker}"

    def sent(self, task_id: int, token: str, queue: str, again: str = "") -> float:
        """Note a message right before it is sent; return the time."""
        arguments: list[str | int] = [token, queue, again, LONGEST]
        return float(self._sent(self._hashes(task_id), arguments))

    def not_sent(self, task_id: int, token: str) -> None:
        """Take back the note of a message that could not be sent."""
        self.done(task_id, token)

    def start(self, task_id: int, token: str, worker: str) -> Start:
        """Ask whether a message may start, and note that it does."""
        verdict, seconds = self._start(
            [self._task(task_id)], [token, worker, uuid4().hex]
        )
        return Start(verdict, float(seconds))

    def replace(self, task_id: int, token: str, worker: str | None = None) -> str | None:
        """Note a new message in the place of a lost one, which is about to be sent again.

        Of several who try, one does: when it dies before it has sent the new message, that one
        is found to be lost in its turn.

        Args:
            task_id: the task
            token: the lost message
            worker: who had begun with it, empty for nobody; any if not given

        Returns:
            what names the new message; ``None`` when the lost one is not there any more, or a
            worker has begun with it
        """
        new = uuid4().hex
        who = [worker or "", "" if worker is None else "1"]
        is_replaced = self._replace(self._hashes(task_id), [token, new, *who])
        return new if is_replaced else None

    def done(self, task_id: int, token: str, keep_last: bool = False) -> int:
        """Note that the work of a message is done.

        Args:
            keep_last: leave the note when the message is the only one, so that the state of the
                task can be written before

        Returns:
            how many other messages of the task are under way; -1 when nobody knows, since the
            broker has lost its data
        """
        keep = "keep last" if keep_last else ""
        return int(self._done(self._hashes(task_id), [token, keep]))

    def cancel(self, task_id: int) -> int:
        """Let no more messages start; return how many have started."""
        return int(self._cancel([self._task(task_id)]))

    def is_cancelled(self, task_ids: Iterable[int]) -> set[int]:
        """Return those tasks that are to be cancelled."""
        task_ids = list(task_ids)
        with self._pipeline() as pipeline:
            for task_id in task_ids:
                pipeline.hexists(self._task(task_id), "!cancel")
            answers = pipeline.execute()
        return {task_id for task_id, answer in zip(task_ids, answers) if answer}

    def forget(self, task_id: int) -> None:
        """Remove all that is known of a task that has ended with its last message."""
        self.client.delete(*self._hashes(task_id))

    def end(self, task_id: int) -> None:
        """Remember for a day that a task was ended, whatever of it is still under way."""
        with self._pipeline() as pipeline:
            pipeline.delete(*self._hashes(task_id))
            pipeline.hset(self._task(task_id), "!ended", "1")
            pipeline.expire(self._task(task_id), REMEMBERED)
            pipeline.execute()

    def look(self, task_ids: Iterable[int]) -> dict[int, TaskEntries]:
        """Return what is known of the messages of each task."""
        task_ids = list(task_ids)
        with self._pipeline() as pipeline:
            for task_id in task_ids:
                for name in self._hashes(task_id):
                    pipeline.hgetall(name)
            hashes = pipeline.execute()
        found = zip(task_ids, hashes[::2], hashes[1::2])
        return {id_: _entries(fields, messages) for id_, fields, messages in found}

    def is_alive(self, worker: str, seconds: float, report: Report) -> None:
        """Tell that a worker lives, and what it has.

        Args:
            worker: which one
            seconds: after that long without another sign it counts as silent
            report: what it has
        """
        told = {"held": list(report.held), "at_work": list(report.at_work)}
        text = json.dumps({"at": report.at, **told})
        with self._pipeline() as pipeline:
            pipeline.set(f"{self._worker(worker)}:alive", "1", px=int(seconds * 1000))
            pipeline.set(self._worker(worker), text, ex=24 * 60 * 60)
            pipeline.sadd(f"{self._prefix}:workers", worker)
            pipeline.execute()

    def goes(self, worker: str) -> None:
        """Tell that a worker has ended."""
        self.client.delete(f"{self._worker(worker)}:alive", self._worker(worker))
        self.client.srem(f"{self._prefix}:workers", worker)

    def connection_name(self, worker: str) -> str:
        """Return how a worker names a connection that is open as long as it lives."""
        return f"{self._prefix}-{worker}".replace(" ", "-")

    def reports(self) -> dict[str, Report]:
        """Return the workers that live, and the last report of each.

        A worker lives when it has given a sign of late, or when its named connection is open:
        its heart cannot beat while code in C holds Python's lock, but its kernel answers.
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
                self.goes(worker)
        return living

    def uptime(self) -> float:
        """Return for how many seconds the broker has been running."""
        return float(self.client.info("server")["uptime_in_seconds"])

    def now(self) -> float:
        """Return the time of the broker."""
        seconds, microseconds = self.client.time()
        return seconds + microseconds / 1_000_000

    def sent_at(self, task_id: int, token: str) -> float:
        """Return when a message was sent; 0 when nothing is known of it."""
        known = self.client.hget(self._task(task_id), token)
        return float(json.loads(known)["sent"]) if known else 0.0

    def connected_client(self, worker: str) -> Redis:
        """Open the named connection of a worker, and return its client."""
        options = self.client.connection_pool.connection_kwargs
        client = Redis(
            single_connection_client=True,
            connection_pool=ConnectionPool(
                connection_class=self.client.connection_pool.connection_class,
                **{**options, "client_name": self.connection_name(worker)},
            ),
        )
        client.ping()
        return client

    def _connected(self) -> set[str]:
        return {str(client.get("name", "")) for client in self.client.client_list()}

    def _pipeline(self) -> Pipeline:
        return self.client.pipeline(transaction=False)


def _report(told: Mapping[str, Any]) -> Report:
    held = {(int(task), token) for task, token in told["held"]}
    return Report(float(told["at"]), held, set(told["at_work"]))


def _entries(fields: Mapping[str, str], again: Mapping[str, str]) -> TaskEntries:
    messages = []
    for token, text in fields.items():
        if token.startswith("!"):
            continue
        known = json.loads(text)
        message = again.get(token)
        messages.append(
            Entry(
                token,
                known["queue"],
                float(known["sent"]),
                known.get("worker"),
                float(known.get("started", 0)),
                json.loads(message) if message else None,
            )
        )
    return TaskEntries("!" in fields, messages)
