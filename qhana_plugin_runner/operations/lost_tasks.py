"""Finds tasks whose work is lost, and ends them: no queue has their message, and no worker.

What looks lost may just be on its way from one place to the next. So nothing is done about it
before the second look in a row.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple, Self

from flask import current_app
from sqlalchemy import select

from ..db import DB
from ..db.db import database_time
from ..db.models.tasks import ProcessingTask
from ..tasking import life_cycle
from ..tasking.broker import ledger
from ..tasking.in_flight import Entry, Ledger, Report, TaskEntries
from ..tasking.life_cycle import State
from ..tasking.signals import announce
from ..worker.broker_queues import Queues
from ..worker.requeue import end, send_again
from .job import Job

__all__ = ["JOB", "LostTasks"]

_UNDER_WAY = (State.QUEUED.value, State.RUNNING.value, State.CANCELLING.value)

_BATCH = 500
"""Tasks that are looked at together: their rows and hashes fit into memory with ease."""

DAY = 24 * 60 * 60

RETURN = 5.0
"""Seconds in which workers are connected again to a broker that was started: they try at least
every two. Before, it knows neither them nor what they are at, if it has lost its data."""

_logger = logging.getLogger(__name__)


class _Suspect(NamedTuple):
    task_id: int
    token: str
    reason: str
    worker: str = ""
    queue: str = ""


class _Workers(NamedTuple):
    """What the workers that live have told.

    Attributes:
        reports: of each of them.
        held: the messages of all of them, by task and token.
        at_work: the tasks of those that they have begun with.
    """

    reports: Mapping[str, Report]
    held: frozenset[tuple[int, str]]
    at_work: frozenset[int]

    @classmethod
    def from_reports(cls, reports: Mapping[str, Report]) -> Self:
        held = frozenset[tuple[int, str]]().union(*(r.held for r in reports.values()))
        at_work = frozenset[int]().union(*(r.at_work for r in reports.values()))
        return cls(reports, held, at_work)


class LostTasks:
    """Looks for lost tasks, and remembers what looked lost the last time."""

    def __init__(self) -> None:
        self._last: set[_Suspect] = set()
        self._looked_at = 0.0

    def look(self) -> None:
        """Look once; end the tasks that are lost."""
        before, self._last = self._last, set()
        last_look, self._looked_at = self._looked_at, time.monotonic()
        if self._looked_at - last_look > 3 * current_app.config["TASK_CHECK_SECONDS"]:
            before = set()  # others have looked in between, or nobody
        self._end_those_that_waited_too_long()
        known = ledger(current_app)
        if known is None:
            return
        if known.uptime() < RETURN:
            return
        suspects: set[_Suspect] = set()
        queues = Queues(known)
        for ids in self._batches():
            # The workers first: what one of them takes up in between is in the ledger then.
            workers = _Workers.from_reports(known.reports())
            for task_id, entries in known.look(ids).items():
                suspects |= set(_suspects(task_id, entries, workers, queues))
        lost = suspects & before
        self._last = suspects - lost
        for suspect in sorted(lost):
            if suspect.token and not suspect.worker:
                if queues.has(suspect.queue, suspect.token):
                    continue  # the queue has not the order in which messages were noted
                if queues.put_back(suspect.token):
                    _logger.warning(
                        "task %s: its message is queued again", suspect.task_id
                    )
                    continue
            _logger.warning("task %s is lost: %s", suspect.task_id, suspect.reason)
            self._end(known, suspect)

    def _end(self, known: Ledger, suspect: _Suspect) -> None:
        task_id, token = suspect.task_id, suspect.token
        reason = f"Task failed: {suspect.reason}."
        state = DB.session.execute(
            select(ProcessingTask.state).filter_by(id=task_id)
        ).scalar()
        if state == State.CANCELLING:
            end(known, task_id, life_cycle.cancel)
        elif token:
            send_again(known, task_id, token, reason, suspect.worker)
        elif not known.look([task_id])[task_id].messages:
            end(known, task_id, partial(life_cycle.lose, log=reason))

    def _batches(self) -> Iterator[list[int]]:
        """Yield the ids of the tasks that are under way."""
        last = 0
        while True:
            row = ProcessingTask
            query = select(row.id).where(row.state.in_(_UNDER_WAY), row.id > last)
            ids = list(DB.session.execute(query.order_by(row.id).limit(_BATCH)).scalars())
            DB.session.rollback()  # no transaction stays open while the broker is asked
            if ids:
                yield ids
            if len(ids) < _BATCH:
                return
            last = ids[-1]

    def _end_those_that_waited_too_long(self) -> None:
        days = current_app.config["TASK_WAITING_DAYS"]
        if not days:
            return
        row = ProcessingTask
        query = select(row.id).where(
            row.state == State.WAITING.value, row.started_at < database_time(-days * DAY)
        )
        for task_id in list(DB.session.execute(query.limit(_BATCH)).scalars()):
            log = f"Task failed: it waits, and was made more than {days} days ago."
            announce(task_id, life_cycle.give_up(task_id, log))


def _suspects(
    task_id: int, entries: TaskEntries, workers: _Workers, queues: Queues
) -> Iterator[_Suspect]:
    """Yield what looks lost of a task."""
    if not entries.messages:
        # What they have and have not begun with does not start: the broker has to know of it.
        if task_id in workers.at_work:
            return
        if entries.known:
            reason = (
                "its message was not sent, or what was done of it was not written down"
            )
        else:
            reason = "the message broker has lost its messages"
        yield _Suspect(task_id, "", reason)
    for message in entries.messages:
        if (task_id, message.token) not in workers.held:
            if reason := _why_lost(message, workers.reports, queues):
                worker = message.worker or ""
                yield _Suspect(task_id, message.token, reason, worker, message.queue)


def _why_lost(message: Entry, reports: Mapping[str, Report], queues: Queues) -> str:
    """Return why a message that no worker has is lost, or nothing while it is queued."""
    if message.worker is None:
        if queues.may_have(message):
            return ""
        return "its message is in no queue, and no worker has it"
    if report := reports.get(message.worker):
        # A worker may be silent since: what it is at may hold Python's lock for hours.
        return "its worker has dropped it" if report.at > message.started else ""
    return "its worker has died, or lost its connection to the broker for too long"


JOB = Job("lost-tasks", "TASK_CHECK_SECONDS", LostTasks().look)
