"""A lost message is sent again, or its task ends.

Celery's ``retry_on_worker_lost`` does this for a process of the pool that has ended. It does not for
a worker that has died, or a broker that has lost its data, and keeps the files of the lost attempt.
So the runner's own attempts are used for all of these.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import select

from ..celery import CELERY
from ..db import DB
from ..db.models.tasks import ProcessingTask, TaskFile
from ..tasking import life_cycle
from ..tasking.in_flight import Entry, InFlight
from ..tasking.messages import end, registered_as
from ..tasking.removal import remove_files
from ..util.backoff import backoff
from ..util.current_message import CurrentMessage, working_on

MAX_DELAY = 24 * 60 * 60.0
"""Seconds before another attempt, at most."""


def requeue(
    registry: InFlight,
    task_id: int,
    delivery_id: str,
    reason: str,
    worker: str | None = None,
) -> None:
    """Send a lost message again if nobody has begun with it, or its Celery task allows; else end the task.

    Nothing is done when the message is completed, or another process has dealt with it meanwhile.
    A task that is to be cancelled is cancelled: it may have been killed for that.

    Args:
        registry: of the messages in flight
        task_id: the task
        delivery_id: the message
        reason: why it is lost, for the log
        worker: who had claimed it when it was found to be lost, empty for nobody; not asked
            if not given
    """
    found = _in_flight(registry, task_id, delivery_id)
    if found is None or (worker is not None and (found.entry.worker or "") != worker):
        return
    attempt = found.attempt
    with working_on(found.message):
        if found.is_waiting:
            # Its worker was killed when it had just taken it: this is no attempt.
            _send_again(registry, task_id, found, "", 0.0, attempt, worker)
            return
        if attempt >= found.attempts:
            end(registry, task_id, partial(life_cycle.mark_lost, log=reason))
            return
        pause = _pause(found.entry, attempt)
        log = f"Attempt {attempt} was lost. {reason}\nThe next one starts in {pause:g} s."
        _send_again(registry, task_id, found, log, pause, attempt + 1, worker)


def hand_over(
    registry: InFlight, task_id: int, delivery_id: str, reason: str, pause: float = 0.0
) -> None:
    """Send a message again that a worker had to stop, or end its task with failure.

    One that may be started again when it is lost is sent, and this does not count as an attempt:
    it is no fault of the task that its worker is restarted.

    Args:
        registry: of the messages in flight
        task_id: the task
        delivery_id: the message
        reason: why it was stopped, for the log
        pause: seconds before it is started again
    """
    found = _in_flight(registry, task_id, delivery_id)
    if found is None:
        return
    with working_on(found.message):
        if found.attempts > 1 or found.is_waiting:
            log = f"Task queued again: {reason}"
            worker = "" if found.is_waiting else None
            _send_again(registry, task_id, found, log, pause, found.attempt, worker)
        else:
            log = f"Task failed: {reason}"
            end(registry, task_id, partial(life_cycle.fail, log=log))


class _Found(NamedTuple):
    """A message that is in flight.

    Attributes:
        entry: what is registered of it
        attempt: the number of the attempt
        attempts: how many there may be
        message: what is done about it works for
    """

    entry: Entry
    attempt: int
    attempts: int
    message: CurrentMessage

    @property
    def is_waiting(self) -> bool:
        """Whether nobody has begun with it, and it can be sent again."""
        return self.entry.worker is None and self.entry.payload is not None


def _in_flight(registry: InFlight, task_id: int, delivery_id: str) -> _Found | None:
    """Return a message, if it is in flight; its task ends if it is to be cancelled."""
    if registry.cancelled([task_id]):
        end(registry, task_id, life_cycle.cancel)
        return None
    entries = registry.entries([task_id])[task_id].messages
    entry = next((entry for entry in entries if entry.delivery_id == delivery_id), None)
    if entry is None:
        return None
    query = select(ProcessingTask.attempt).filter_by(id=task_id)
    attempt = DB.session.scalar(query) or 1
    DB.session.rollback()  # no transaction stays open while the broker is asked
    message = CurrentMessage(task_id=task_id, request_id=entry.request_id)
    return _Found(entry, attempt, _attempts(entry), message)


def _send_again(
    registry: InFlight,
    task_id: int,
    found: _Found,
    log: str,
    pause: float,
    next_attempt: int,
    worker: str | None = None,
) -> None:
    """Send a message again, unless another process has dealt with it meanwhile."""
    delivery_id = found.entry.delivery_id
    if new := registry.supersede(task_id, delivery_id, worker):
        if life_cycle.restart(task_id, log, found.attempt, next_attempt):
            remove_files(_files_of(task_id, delivery_id))
            with registered_as(task_id, new):
                _send(found.entry, pause)
        else:
            registry.complete(task_id, new)  # the task has ended meanwhile


def _attempts(entry: Entry) -> int:
    """Return how often a message may be started; once if nothing is kept to send it again."""
    if entry.payload is None:
        return 1
    celery_task = CELERY.tasks.get(entry.payload["headers"]["task"])
    return 1 if celery_task is None else int(celery_task.attempts)


def _pause(entry: Entry, attempt: int) -> float:
    """Return the seconds before the attempt that follows."""
    assert entry.payload is not None
    first = CELERY.tasks[entry.payload["headers"]["task"]].attempt_delay
    return backoff(attempt, first, max(first, MAX_DELAY))


def _files_of(task_id: int, delivery_id: str) -> Sequence[int]:
    """Return the files that a message has saved; those that were saved before it stay."""
    saved = select(TaskFile.id).filter_by(task_id=task_id, message=delivery_id)
    return DB.session.execute(saved).scalars().all()


def _send(entry: Entry, pause: float) -> None:
    """Send a message again, as it was sent before, after a pause."""
    assert entry.payload is not None
    headers, (args, kwargs, following) = entry.payload["headers"], entry.payload["body"]
    time_limit, soft_time_limit = headers.get("timelimit") or (None, None)
    CELERY.send_task(
        headers["task"],
        args,
        kwargs,
        countdown=pause,
        queue=entry.queue,
        task_id=headers["id"],
        group_id=headers.get("group"),
        group_index=headers.get("group_index"),
        root_id=headers.get("root_id"),
        parent_id=headers.get("parent_id"),
        retries=headers.get("retries") or 0,
        expires=headers.get("expires"),
        time_limit=time_limit,
        soft_time_limit=soft_time_limit,
        link=following.get("callbacks"),
        link_error=following.get("errbacks"),
        chain=following.get("chain"),
        chord=following.get("chord"),
        ignore_result=headers.get("ignore_result"),
    )
