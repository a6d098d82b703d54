"""A lost message is sent again, or its task ends.

Celery's ``retry_on_worker_lost`` does this for a process of the pool that has ended. It does not for
a worker that has died, or a broker that has lost its data, and keeps the files of the lost attempt.
So the runner's own attempts are used for all of these.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import select

from ..celery import CELERY
from ..db import DB
from ..db.models.tasks import ProcessingTask, TaskFile
from ..tasking import life_cycle
from ..tasking.in_flight import Entry, InFlight
from ..tasking.messages import registered_as
from ..tasking.removal import remove_files
from ..util.backoff import backoff

__all__ = ["end", "requeue"]

MAX_DELAY = 24 * 60 * 60.0
"""Seconds before another attempt, at most."""

_logger = logging.getLogger(__name__)


def requeue(
    registry: InFlight,
    task_id: int,
    delivery_id: str,
    reason: str,
    worker: str | None = None,
) -> None:
    """Send a lost message again if its Celery task allows, else end the task.

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
    if registry.cancelled([task_id]):
        end(registry, task_id, life_cycle.cancel)
        return
    entries = registry.entries([task_id])[task_id].messages
    entry = next((entry for entry in entries if entry.delivery_id == delivery_id), None)
    if entry is None or (worker is not None and (entry.worker or "") != worker):
        return
    query = select(ProcessingTask.attempt).filter_by(id=task_id)
    attempt = DB.session.scalar(query) or 1
    DB.session.rollback()  # no transaction stays open while the broker is asked
    if not _may_be_repeated(entry, attempt):
        end(registry, task_id, partial(life_cycle.mark_lost, log=reason))
    elif new := registry.supersede(task_id, delivery_id, worker):
        pause = _pause(entry, attempt)
        log = f"Attempt {attempt} was lost. {reason}\nThe next one starts in {pause:g} s."
        if life_cycle.restart(task_id, log, attempt):
            remove_files(_files_of(task_id, delivery_id))
            with registered_as(task_id, new):
                _send(entry, pause)
        else:
            registry.complete(task_id, new)  # the task has ended meanwhile


def end(
    registry: InFlight, task_id: int, how: Callable[[int], life_cycle.Transition]
) -> None:
    """End a task; what is still in flight of it, or is sent by what runs, does not start.

    Args:
        registry: of the messages in flight
        task_id: the task
        how: the transition
    """
    try:
        how(task_id)
    except KeyError:
        _logger.info("the row of task %s is gone", task_id)
    registry.tombstone(task_id)


def _may_be_repeated(entry: Entry, attempt: int) -> bool:
    if entry.payload is None:
        return False
    celery_task = CELERY.tasks.get(entry.payload["headers"]["task"])
    return celery_task is not None and attempt < celery_task.attempts


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
