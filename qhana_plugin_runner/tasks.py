"""The runner's own Celery tasks, which plugins chain behind theirs, and the signals of a task."""

import logging
import re
from collections.abc import Callable
from functools import partial

from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import Task
from celery.result import AsyncResult
from celery.utils.serialization import get_pickled_exception
from flask import current_app
from sqlalchemy.exc import DBAPIError

from .celery import CELERY
from .db import DB
from .db.models.tasks import ProcessingTask
from .db.transient import is_transient
from .tasking import life_cycle
from .tasking.console import without_folders
from .tasking.last_link import ADD_STEP, SAVE_RESULT
from .tasking.limits import out_of_time
from .tasking.messages import is_claimed, mark_ended
from .tasking.outbox import enqueue
from .tasking.signals import (
    TASK_DETAILS_CHANGED,
    TASK_SIGNALS,
    TASK_STATUS_CHANGED,
    TASK_STEPS_CHANGED,
    send_enqueued,
)
from .util.backoff import backoff
from .util.redaction import redact_text

__all__ = [
    "CELERY",
    "TASK_DETAILS_CHANGED",
    "TASK_SIGNALS",
    "TASK_STATUS_CHANGED",
    "TASK_STEPS_CHANGED",
    "add_step",
    "save_task_error",
    "save_task_result",
]

_logger = logging.getLogger(__name__)

MAX_LOOKS, FIRST_LOOK = 5, 0.1
"""How often the record of an error is looked for again, and after how many seconds first. The
pause doubles each time: an error without a record ends its task some three seconds late."""

_NO_RECORD = "Task failed, and its worker left no record of the error."

_HEADER = "Traceback (most recent call last):\n"

_EXCEPTION_LINE = re.compile(r"(?:[\w<>]+\.)*(\w+)(?:: (.*))?")
"""The line of a traceback that names the exception."""

MAX_PAUSE = 30.0
"""Seconds between two tries to write the end of a task: people wait for it."""

MAX_RETRIES = 24 * 60 * 60 // 30
"""Tries before a worker gives up, after about a day."""


def _require_log(task_log: object, what: str, *types: type) -> None:
    if not isinstance(task_log, types):
        raise TypeError(
            f"{what} got {type(task_log).__name__} as log; "
            "the plugin's task has to return the text for the log"
        )


@CELERY.task(name=ADD_STEP, bind=True, ignore_result=True)
def add_step(
    self: Task,
    task_log: str,
    db_id: int,
    step_id: str,
    href: str,
    ui_href: str,
    prog_value: float | None = None,
    prog_start: float | None = None,
    prog_target: float | None = None,
    prog_unit: str | None = None,
) -> None:
    """Open a new step of a task, at the end of a chain.

    The task waits there for input; the endpoint of the step clears it and goes on::

        chain = my_task.s(db_id=task.id) | add_step.s(
            db_id=task.id, step_id="title", href=endpoint_url, ui_href=frontend_url
        )
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()

    Args:
        task_log: what the task before in the chain returned; appended to the log.
        db_id: the id of the task's row.
        step_id: the plugin's name for the step.
        href: the endpoint that takes the step's input, absolute or relative to the task.
        ui_href: the step's micro frontend, likewise.
        prog_value: progress; without it, steps are counted: ``n`` of ``n + 1``.
        prog_start: the value at which nothing is done; 0 when only the value is given.
        prog_target: the value at which all is done; likewise 100.
        prog_unit: what these numbers count, for people; likewise ``%``.

    Raises:
        TypeError: the log is no text.
        KeyError: there is no such task.
        AssertionError: the step before is not cleared.
    """
    _require_log(task_log, "add_step", str)

    def write() -> None:
        task = ProcessingTask.get_by_id(db_id)
        if task is None:
            raise KeyError(f"there is no task with id {db_id!r}")
        done = len(task.steps)
        task.add_next_step(href=href, ui_href=ui_href, step_id=step_id)
        if prog_value is None:
            task.progress_value, task.progress_start = done, 0
            task.progress_target, task.progress_unit = done + 1, ""
        else:
            task.progress_value = prog_value
            task.progress_start = 0 if prog_start is None else prog_start
            task.progress_target = 100 if prog_target is None else prog_target
            task.progress_unit = "%" if prog_unit is None else prog_unit
        life_cycle.append_log(db_id, task_log)
        enqueue(db_id, "steps", "details")
        task.save(commit=True)

    _retry_transient(self, write)
    send_enqueued(db_id, "steps", "details")


@CELERY.task(name=SAVE_RESULT, bind=True, ignore_result=True)
def save_task_result(self: Task, task_log: str | None, db_id: int) -> None:
    """End a task with success, at the end of a chain.

    As in ``my_task.s(db_id=task.id) | save_task_result.s(db_id=task.id)``.

    Args:
        task_log: what the task before in the chain returned; appended to the log.
        db_id: the id of the task's row.

    Raises:
        TypeError: the log is neither text nor ``None``.
        KeyError: there is no such task.
    """
    _require_log(task_log, "save_task_result", str, type(None))
    _retry_transient(self, partial(life_cycle.succeed, db_id, task_log or ""))
    mark_ended(self)


@CELERY.task(name="qhana-plugin-runner.save-error", bind=True, ignore_result=True)
def save_task_error(self: Task, failing_task_id: str, db_id: int) -> None:
    """End a task with failure; the error callback of a chain.

    As in ``chain.link_error(save_task_error.s(db_id=task.id))``.

    Args:
        failing_task_id: the Celery id of the task that failed; its exception and traceback are
            read from the result backend.
        db_id: the id of the task's row; nothing is done when there is no such task.
    """
    if is_claimed(self) and _was_killed(failing_task_id):
        return  # the worker sends it again, or ends the task, and says why
    log = redact_text(_describe_error(failing_task_id)) or _NO_RECORD
    if log is _NO_RECORD and _is_in_worker(self) and self.request.retries < MAX_LOOKS:
        # Celery sends this before the error of a chord is recorded.
        pause = backoff(self.request.retries + 1, FIRST_LOOK, MAX_PAUSE)
        raise self.retry(countdown=pause, max_retries=MAX_LOOKS)
    try:
        _retry_transient(self, partial(life_cycle.fail, db_id, log))
    except KeyError:
        _logger.error("there is no task with id %r to end. %s", db_id, log)
    mark_ended(self)


def _was_killed(failing_task_id: str) -> bool:
    """Whether the process of a task has ended before the task."""
    meta = CELERY.backend.get_task_meta(failing_task_id)
    return isinstance(meta.get("result"), WorkerLostError)


def _retry_transient(task: Task, write: Callable[[], object]) -> None:
    """Write to the database; a worker retries when it is away: nobody else knows what to write."""
    try:
        write()
    except DBAPIError as error:
        if not (_is_in_worker(task) and is_transient(error)):
            raise
        DB.session.rollback()
        pause = backoff(task.request.retries + 1, first=1.0, maximum=MAX_PAUSE)
        raise task.retry(exc=error, countdown=pause, max_retries=MAX_RETRIES) from error


def _is_in_worker(task: Task) -> bool:
    """Whether a worker runs the task, which can retry it."""
    return not (task.request.called_directly or task.request.is_eager)


def _describe_error(failing_task_id: str) -> str:
    """Return what is known of the error of a task: one line, and the traceback below.

    Nothing when there is no record of it.
    """
    result = AsyncResult(failing_task_id, app=CELERY)
    try:
        error, traceback = result.result, str(result.traceback or "").rstrip()
        if not isinstance(error, BaseException):
            return ""
        name, reason = _name_and_reason(error, traceback)
    except Exception as unreadable:  # foreign code; the task has to end all the same
        return (
            "Task failed, and its error cannot be read "
            f"({type(unreadable).__name__}: {unreadable})"
        )
    if isinstance(error, TimeLimitExceeded):
        seconds = error.args[0] if error.args else 0.0
        return out_of_time(seconds, current_app.config)
    line = f"Task failed with {name}: {reason}".removesuffix(": ")
    if not current_app.debug:
        traceback = without_folders(traceback)
    return f"{line}\n{traceback}" if traceback else line


def _name_and_reason(error: BaseException, traceback: str) -> tuple[str, str]:
    """Return the name of the class of an error, and its text in one line.

    What cannot be pickled, or made again of its arguments, comes back as another exception, and
    only the traceback tells the right one. Other lines of an error's text are in there, too.
    """
    name, error = type(error).__name__, get_pickled_exception(error)
    for frames in reversed(traceback.split(_HEADER)[1:]):
        lines = frames.splitlines()
        line = next((text for text in lines if not text.startswith(" ")), "")
        if line and _has_line(str(error), line):
            continue  # the traceback of another error, in the text of this one
        told = _EXCEPTION_LINE.fullmatch(line)
        if told and told[1] != name:
            return told[1], (told[2] or "").strip()
        break
    return type(error).__name__, " ".join(str(error).split())


def _has_line(text: str, line: str) -> bool:
    """Whether a line is in a text, or in the ``repr`` of a text within it."""
    if line in text.splitlines():
        return True
    return ": " in line and line.replace("\\", "") in text.replace("\\", "")
