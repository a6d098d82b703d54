"""Finds messages that are in no queue and with no worker, and sends them again or ends their tasks.

What looks lost may just be on its way from one place to the next. So nothing is done about it
before the second look in a row.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from flask import current_app
from sqlalchemy import select

from ..db import DB
from ..db.models.tasks import ProcessingTask
from ..tasking import life_cycle
from ..tasking.broker import in_flight
from ..tasking.in_flight import Entry, InFlight, Report
from ..tasking.life_cycle import TaskState
from ..tasking.messages import end
from ..worker.broker_queues import Queues
from ..worker.requeue import requeue

_OPEN = (TaskState.QUEUED.value, TaskState.RUNNING.value, TaskState.CANCELLING.value)

BATCH = 500
"""Tasks that are looked at together: their rows and hashes fit into memory with ease."""

RECONNECT_SECONDS = 5.0
"""Seconds in which workers are connected again to a broker that was started: they try at least
every two. Before, it knows neither them nor what they are at, if it has lost its data."""

_NOT_SENT = "its message was not sent, or what was done of it was not written down"
_FORGOTTEN = "the message broker has lost its messages"
_STOPPED = "it is to be cancelled, and nothing of it runs"

_logger = logging.getLogger(__name__)


class _Suspect(NamedTuple):
    task_id: int
    delivery_id: str
    reason: str
    worker: str = ""
    queue: str = ""


class LostTasks:
    """Looks for lost tasks, and remembers what looked lost the last time."""

    def __init__(self) -> None:
        self._suspects: set[_Suspect] = set()
        self._looked_at = 0.0

    def run(self) -> None:
        """Look once, and deal with what looked lost the last time, too."""
        before = self._last_suspects()
        registry = in_flight(current_app)
        if registry is None or registry.uptime() < RECONNECT_SECONDS:
            return
        queues = Queues(registry)
        suspects = set(_find_suspects(registry, queues))
        lost = suspects & before
        self._suspects = suspects - lost
        for suspect in sorted(lost):
            if not _is_queued(suspect, queues):
                _logger.warning("task %s is lost: %s", suspect.task_id, suspect.reason)
                _recover(registry, suspect)

    def _last_suspects(self) -> set[_Suspect]:
        """Return what the last look has found; nothing if others may have looked since."""
        suspects, self._suspects = self._suspects, set()
        last_look, self._looked_at = self._looked_at, time.monotonic()
        is_recent = (
            self._looked_at - last_look <= 3 * current_app.config["TASK_CHECK_SECONDS"]
        )
        return suspects if is_recent else set()


def _find_suspects(registry: InFlight, queues: Queues) -> Iterator[_Suspect]:
    """Yield what looks lost of all open tasks."""
    for ids in _open_tasks():
        # The workers first: what one of them takes up in between is registered then.
        reports = registry.live_workers()
        held = {message for report in reports.values() for message in report.held}
        at_work = {task_id for report in reports.values() for task_id in report.at_work}
        found = registry.entries(ids, with_payloads=False)
        for task_id, entries in found.items():
            # What they hold and have not begun does not start: the broker has to know of it.
            is_claimed = any(message.worker for message in entries.messages)
            if entries.is_cancelled and not is_claimed and task_id not in at_work:
                yield _Suspect(task_id, "", _STOPPED)
            elif not entries.messages and task_id not in at_work:
                reason = _NOT_SENT if entries.is_known else _FORGOTTEN
                yield _Suspect(task_id, "", reason)
            for message in entries.messages:
                name, worker = message.delivery_id, message.worker or ""
                if (task_id, name) not in held:
                    if reason := _why_lost(message, reports, queues):
                        yield _Suspect(task_id, name, reason, worker, message.queue)


def _open_tasks() -> Iterator[list[int]]:
    """Yield the ids of the tasks that have messages, or should."""
    task, last = ProcessingTask, 0
    while True:
        query = select(task.id).where(task.state.in_(_OPEN), task.id > last)
        ids = list(DB.session.execute(query.order_by(task.id).limit(BATCH)).scalars())
        DB.session.rollback()  # no transaction stays open while the broker is asked
        if ids:
            yield ids
        if len(ids) < BATCH:
            return
        last = ids[-1]


def _is_queued(suspect: _Suspect, queues: Queues) -> bool:
    """Whether a message is in its queue, possibly put back there just now."""
    if not suspect.delivery_id or suspect.worker:
        return False
    if queues.has(suspect.queue, suspect.delivery_id):
        return True  # the queue has not the order in which messages were noted
    if queues.put_back(suspect.delivery_id):
        _logger.warning("task %s: its message is queued again", suspect.task_id)
        return True
    return False


def _recover(registry: InFlight, suspect: _Suspect) -> None:
    """Send a lost message again, or end its task."""
    task_id, delivery_id = suspect.task_id, suspect.delivery_id
    reason = f"Task failed: {suspect.reason}."
    state = DB.session.execute(
        select(ProcessingTask.state).filter_by(id=task_id)
    ).scalar()
    if state == TaskState.CANCELLING or registry.cancelled([task_id]):
        end(registry, task_id, life_cycle.cancel)
    elif delivery_id:
        requeue(registry, task_id, delivery_id, reason, suspect.worker)
    elif not registry.entries([task_id])[task_id].messages:
        end(registry, task_id, partial(life_cycle.mark_lost, log=reason))


def _why_lost(message: Entry, reports: Mapping[str, Report], queues: Queues) -> str:
    """Return why a message that no worker has is lost, or nothing while it is queued."""
    if message.worker is None:
        if queues.may_have(message):
            return ""
        return "its message is in no queue, and no worker has it"
    if report := reports.get(message.worker):
        # A worker may be silent since: what it is at may hold Python's lock for hours.
        return "its worker has dropped it" if report.at > message.claimed_at else ""
    return "its worker has died, or lost its connection to the broker for too long"
