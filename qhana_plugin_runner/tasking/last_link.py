"""The end of a task by the worker that has done its work, without another message.

When only the runner's own ``save_task_result`` is left of a chain, the worker that has finished does
what it would do, right away, and does not send it.
"""

import logging
from collections.abc import Mapping
from typing import Any

from celery import Task

from ..db import DB
from ..db.unsaved import has_unsaved_changes
from . import console, life_cycle
from .messages import TASK_ID, is_claimed, mark_ended

SAVE_RESULT = "qhana-plugin-runner.save-result"
"""The name of the Celery task ``save_task_result``."""

ADD_STEP = "qhana-plugin-runner.add-step"
"""The name of the Celery task ``add_step``."""

_PLAIN_OPTIONS = {"task_id", "reply_to", "link_error", "root_id", "parent_id", "chain_id"}
"""Options of a message that change nothing of what it does when it succeeds."""

_logger = logging.getLogger(__name__)


def save_result_here(task: Task, result: object) -> None:
    """End the task that a Celery task has finished, if a message would do nothing else.

    When the database is away, the task is to be cancelled, or anything else is out of the
    ordinary, it is left to the message, which tries for as long as it takes, or fails as it always
    has. No error here concerns the work, which has succeeded.

    Args:
        task: the Celery task
        result: what it returns
    """
    request = task.request
    task_id = request.get(TASK_ID)
    if not (is_claimed(task) and _is_plain(request, task_id)):
        return
    if not isinstance(result, str | None) or has_unsaved_changes():
        return
    try:
        # What the plugin has not committed is not committed for it. An error that it has
        # swallowed, and a snapshot that is old by now, end here as well.
        DB.session.rollback()
        with console.with_the_end(DB.session()):
            ended = life_cycle.succeed(task_id, result or "", unless_cancelling=True)
    except Exception as error:
        # Receivers of the signals, and the time limit, raise here, too.
        DB.session.rollback()
        _logger.warning("task %s is ended by a message: %s", task_id, error)
        return
    if ended.happened:
        request.chain = None
        mark_ended(task)


def is_log(task: Task) -> bool:
    """Whether what a Celery task returns is for the log of the task, as what follows appends it."""
    request = task.request
    following = [*(request.chain or ())[-1:], *(request.callbacks or ())]
    return any(each.get("task") in (SAVE_RESULT, ADD_STEP) for each in following)


def _is_plain(request: Any, task_id: int) -> bool:
    """Whether only ``save_task_result`` follows a message, as plugins write it."""
    following = request.chain
    if not following or len(following) > 1:
        return False
    if request.callbacks or request.chord or request.group:
        return False
    last: Mapping[str, Any] = following[0]
    return (
        last.get("task") == SAVE_RESULT
        and not last.get("args")
        and not last.get("immutable")
        and last.get("kwargs") == {"db_id": task_id}
        and last.get("options", {}).keys() <= _PLAIN_OPTIONS
    )
