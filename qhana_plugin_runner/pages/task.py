"""The page about one task."""

from typing import Any

from flask import Response

from ..workbench.runs import find_run
from .browser import page

__all__ = ["SHOWN_LOG", "task_page"]

SHOWN_LOG = 64 * 1024
"""Characters of the log that the page shows, the last ones; the whole may be some megabytes."""


def task_page(task_id: int, status: dict[str, Any]) -> Response:
    """Render the page about a task.

    Parameters:
        task_id: the task.
        status: its status as programs get it.
    """
    log = status["log"]
    return page(
        "runner/task.html",
        task_id=task_id,
        task=status,
        log=log[-SHOWN_LOG:],
        is_log_cut=len(log) > SHOWN_LOG,
        run=find_run(task_id),
    )
