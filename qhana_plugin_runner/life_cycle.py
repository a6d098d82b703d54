"""How a task moves from started to finished; the only writer of a task's end.

Each transition is one compare-and-set ``UPDATE``, so that it happens once however many
processes try, and never undoes another one.
"""

from dataclasses import dataclass

from sqlalchemy import CursorResult, Update, case, func, select, update
from sqlalchemy.orm.util import identity_key

from .db import DB
from .db.db import utc_now
from .db.models.tasks import ProcessingTask, Step

__all__ = ["Transition", "append_log", "fail", "succeed"]


@dataclass(frozen=True)
class Transition:
    """What a transition did.

    Attributes:
        happened: ``False`` when the task had ended before; then nothing was changed.
        cleared_step: whether an open step was closed with the task.
    """

    happened: bool
    cleared_step: bool = False


def append_log(task_id: int, text: str) -> None:
    """Append lines to a task's log, whatever others append at the same time."""
    if text:
        _update(task_id, task_log=_appended(text))


def succeed(task_id: int, log: str = "") -> Transition:
    """End a task with success: progress is complete, an open step is closed.

    Raises:
        KeyError: there is no such task.
    """
    task = ProcessingTask
    reached = case(
        (task.progress_value != 0, task.progress_target), else_=task.progress_value
    )
    return _finish(task_id, "SUCCESS", log, progress_value=reached)


def fail(task_id: int, log: str) -> Transition:
    """End a task with failure.

    Raises:
        KeyError: there is no such task.
    """
    return _finish(task_id, "FAILURE", log)


def _finish(task_id: int, status: str, log: str, **values: object) -> Transition:
    """Write the end, unless there is one already, and commit."""
    if log:
        values["task_log"] = _appended(log)
    happened = _update(
        task_id, task_status=status, finished_at=utc_now(), only_unfinished=True, **values
    )
    cleared = False
    if happened and status == "SUCCESS":
        steps = update(Step).where(Step.id == task_id, Step.cleared.is_not(True))
        cleared = _execute(steps.values(cleared=True)) > 0
    if not happened:
        exists = select(ProcessingTask.id).filter_by(id=task_id)
        if DB.session.execute(exists).first() is None:
            raise KeyError(f"there is no task with id {task_id!r}")
    DB.session.commit()
    return Transition(happened, cleared)


def _appended(text: str) -> object:
    # PostgreSQL cannot store NUL, and no database a lone surrogate.
    clean = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    log = ProcessingTask.task_log
    return case((func.length(log) == 0, clean), else_=log + ("\n" + clean))


def _update(task_id: int, only_unfinished: bool = False, **values: object) -> bool:
    statement = update(ProcessingTask).where(ProcessingTask.id == task_id)
    if only_unfinished:
        statement = statement.where(ProcessingTask.finished_at.is_(None))
    changed = _execute(statement.values(**values))
    if loaded := DB.session.identity_map.get(identity_key(ProcessingTask, task_id)):
        DB.session.expire(loaded)
    return changed > 0


def _execute(statement: Update) -> int:
    """Run an update and return the number of rows that it changed."""
    result = DB.session.execute(
        statement, execution_options={"synchronize_session": False}
    )
    assert isinstance(result, CursorResult)  # all updates give one
    return result.rowcount
