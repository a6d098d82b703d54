"""What becomes of a task when a message of it is lost: another attempt, or its end."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import select

from .. import life_cycle
from ..celery import CELERY
from ..db import DB
from ..db.models.tasks import ProcessingTask, TaskFile
from ..retention.removal import remove_files
from ..tasks import announce
from .ledger import Ledger
from .messages import OWNER, TOKEN

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
    if entry.again is not None and _resend(task_id, token, entry.again, reason):
        ledger.done(task_id, token)
    else:
        end(ledger, task_id, partial(life_cycle.lose, log=reason))


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


def _resend(task_id: int, token: str, message: Mapping[str, Any], reason: str) -> bool:
    """Send a message again, after a pause; return whether there was another attempt left.

    The files of the lost attempt go; those that were saved before it stay.
    """
    headers, (args, kwargs, following) = message["headers"], message["body"]
    celery_task = CELERY.tasks.get(headers["task"])
    row = ProcessingTask.get_with_details(task_id)
    attempt = (row.attempt or 1) if row is not None else 1
    if celery_task is None or attempt >= celery_task.attempts:
        return False
    pause = celery_task.attempt_delay * 2 ** (attempt - 1)
    log = f"Attempt {attempt} was lost. {reason}\nThe next one starts in {pause:g} s."
    if not life_cycle.restart(task_id, log, attempt):
        row = ProcessingTask.get_with_details(task_id)
        # Somebody else was faster, or it has ended: either way it is not for us to end it.
        return row is not None and (row.is_finished or (row.attempt or 1) > attempt)
    saved = select(TaskFile.id).filter_by(task_id=task_id, message=token)
    remove_files(DB.session.execute(saved).scalars().all())
    CELERY.send_task(
        headers["task"],
        args,
        kwargs,
        countdown=pause,
        task_id=headers["id"],
        group_id=headers.get("group"),
        group_index=headers.get("group_index"),
        root_id=headers.get("root_id"),
        parent_id=headers.get("parent_id"),
        link=following.get("callbacks"),
        link_error=following.get("errbacks"),
        chain=following.get("chain"),
        chord=following.get("chord"),
        ignore_result=headers.get("ignore_result"),
        headers={OWNER: task_id, TOKEN: None},
    )
    return True
