"""The page about one task."""

from typing import Any

from flask import Response, current_app

from ...api.negotiation import page
from ...db.models.task_details import TaskDetails
from ...tasking.broker import ledger
from ...tasking.life_cycle import State
from ..workbench.runs import find_run

__all__ = ["SHOWN_LOG", "task_page"]

SHOWN_LOG = 64 * 1024
"""Characters of the log that the page shows, the last ones; the whole may be some megabytes."""


def task_page(details: TaskDetails, status: dict[str, Any]) -> Response:
    """Render the page about a task.

    Args:
        details: the rows of the task
        status: its status as programs get it
    """
    log, task_id = details.log, details.task.id
    return page(
        "runner/task.html",
        task_id=task_id,
        task=status,
        log=log[-SHOWN_LOG:],
        is_log_cut=len(log) > SHOWN_LOG,
        outputs=list(zip(status["outputs"], details.outputs)),
        run=find_run(task_id),
        rests=_rests(status),
    )


def _rests(status: dict[str, Any]) -> bool:
    """Whether nobody works on an open task, or is asked to, as far as the runner can know."""
    is_open_step = any(not step["cleared"] for step in status.get("steps", ()))
    is_watched = ledger(current_app) is not None
    return is_watched and not is_open_step and status.get("state") == State.WAITING
