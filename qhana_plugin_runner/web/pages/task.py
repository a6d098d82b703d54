"""The page of a task."""

import re
from typing import Any

from flask import Response, current_app

from ...api.negotiation import page
from ...api.task_webhooks import recent_calls
from ...db.models.task_console import console_end
from ...db.models.task_details import TaskDetails
from ...tasking.broker import in_flight
from ...tasking.life_cycle import TaskState
from ..workbench.catalogue import task_title
from ..workbench.file_urls import file_page_url
from ..workbench.inputs import shown_inputs
from ..workbench.runs import find_run

_REASON = re.compile(r"^Task failed(?: with|:|, and) (.{1,2000})", re.MULTILINE)

MAX_LOG = 64 * 1024
"""Characters at the end of log and console that the page shows; the whole may be megabytes."""


def task_page(details: TaskDetails, status: dict[str, Any]) -> Response:
    """Render the page of a task.

    Args:
        details: The rows of the task.
        status: Its status as programs get it.
    """
    log, task_id = details.log, details.task.id
    run = find_run(task_id)
    console = console_end(task_id, MAX_LOG)
    return page(
        "runner/task.html",
        task_id=task_id,
        task=status,
        log=log[-MAX_LOG:],
        reason=_reason(log) if status["status"] == "FAILURE" else "",
        is_log_cut=len(log) > MAX_LOG,
        console=console.text[-MAX_LOG:],
        is_console_cut=console.start > 0 or len(console.text) > MAX_LOG,
        title=task_title(details.task.plugin, details.task.task_name, task_id),
        outputs=[
            (output, file, file_page_url(file))
            for output, file in zip(status["outputs"], details.outputs)
        ],
        run=run,
        inputs=shown_inputs(run) if run else None,
        file_page_url=file_page_url,
        calls=recent_calls(task_id),
        is_idle=_is_idle(status),
    )


def _reason(log: str) -> str:
    """Return the line of a log that says why the task has failed; empty if there is none."""
    found = _REASON.findall(log)
    return found[-1] if found else ""


def _is_idle(status: dict[str, Any]) -> bool:
    """Whether an open task has no message in flight and waits for nobody's input."""
    is_open_step = any(not step["cleared"] for step in status.get("steps", ()))
    is_watched = in_flight(current_app) is not None
    return is_watched and not is_open_step and status.get("state") == TaskState.WAITING
