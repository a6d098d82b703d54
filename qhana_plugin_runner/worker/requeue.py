"""What becomes of a task when a message of it is lost: another attempt, or its end."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import select

from ..celery import CELERY
from ..db import DB
from ..db.models.tasks import ProcessingTask, TaskFile
from ..tasking import life_cycle
from ..tasking.in_flight import Entry, Ledger
from ..tasking.messages import noted_as
from ..tasking.removal import remove_files
from ..tasking.signals import announce

__all__ = ["end", "send_again"]

_logger = logging.getLogger(__name__)


def send_again(
    ledger: Ledger, task_id: int, token: str, reason: str, worker: str | None = None
) -> None:
    """Send a lost message again if its Celery task allows, else end the task.

    Nothing is done when the message is done, or somebody else has dealt with it meanwhile.

    Args:
        ledger: where messages are noted
        task_id: the task
        token: the message
        reason: why it is lost, for the log
        worker: who had begun with it when it was found to be lost, empty for nobody; not asked
            if not given

    A task that is to be cancelled is cancelled: it may have been killed for that.
    """
    if ledger.is_cancelled([task_id]):
        end(ledger, task_id, life_cycle.cancel)
        return
    entries = ledger.look([task_id])[task_id].messages
    entry = next((entry for entry in entries if entry.token == token), None)
    if entry is None or (worker is not None and (entry.worker or "") != worker):
        return
    row = ProcessingTask.get_with_details(task_id)
    attempt = (row.attempt or 1) if row is not None else 1
    if not _may_be_repeated(entry, attempt):
        end(ledger, task_id, partial(life_cycle.lose, log=reason))
    elif new := ledger.replace(task_id, token, worker):
        remove_files(_files_of(task_id, token))
        _send(ledger, task_id, attempt, entry, new, reason)


def end(
    ledger: Ledger, task_id: int, how: Callable[[int], life_cycle.Transition]
) -> None:
    """End a task; what is still under way of it, or is sent by what runs, does not start.

    Args:
        ledger: where messages are noted
        task_id: the task
        how: the transition
    """
    try:
        announce(task_id, how(task_id))
    except KeyError:
        _logger.info("the row of task %s is gone", task_id)
    ledger.end(task_id)


def _may_be_repeated(entry: Entry, attempt: int) -> bool:
    if entry.again is None:
        return False
    celery_task = CELERY.tasks.get(entry.again["headers"]["task"])
    return celery_task is not None and attempt < celery_task.attempts


def _files_of(task_id: int, token: str) -> Sequence[int]:
    """Return the files that a message has saved; those that were saved before it stay."""
    saved = select(TaskFile.id).filter_by(task_id=task_id, message=token)
    return DB.session.execute(saved).scalars().all()


def _send(
    ledger: Ledger, task_id: int, attempt: int, entry: Entry, token: str, reason: str
) -> None:
    """Send a message again, after a pause, under the token by which it is noted now."""
    assert entry.again is not None
    headers, (args, kwargs, following) = entry.again["headers"], entry.again["body"]
    pause = CELERY.tasks[headers["task"]].attempt_delay * 2 ** (attempt - 1)
    log = f"Attempt {attempt} was lost. {reason}\nThe next one starts in {pause:g} s."
    if not life_cycle.restart(task_id, log, attempt):
        ledger.done(task_id, token)  # the task has ended meanwhile
        return
    time_limit, soft_time_limit = headers.get("timelimit") or (None, None)
    with noted_as(task_id, token):
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
