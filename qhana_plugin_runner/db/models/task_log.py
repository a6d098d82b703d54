"""The part of a task's log that somebody does not have yet, read without reading all of it."""

from typing import NamedTuple

from sqlalchemy import func, select

from ..db import DB
from .tasks import ProcessingTask, TaskLogEntry


class LogPosition(NamedTuple):
    """How much of a log somebody has.

    Attributes:
        characters: of the log's first part.
        entry: the id of the last entry behind it; 0 for none.
    """

    characters: int = 0
    entry: int = 0


class LogPart(NamedTuple):
    """A part of a log.

    Attributes:
        text: what follows the text before; all parts together are the whole log.
        end: where the part ends.
        is_last: whether the task had ended when the part was read.
    """

    text: str
    end: LogPosition
    is_last: bool


def log_behind(task_id: int, start: LogPosition) -> LogPart | None:
    """Return what was appended to a log since; ``None`` when there is no such task.

    A log that is shorter than what somebody has of it was replaced: it is returned from its
    beginning.
    """
    task = ProcessingTask
    length = func.coalesce(func.length(task.log_start), 0)
    new = func.substr(task.log_start, start.characters + 1)
    query = select(length, new, task.finished_at.is_not(None)).filter_by(id=task_id)
    # Whether the task has ended is read first: what is appended before the end is then read, too.
    row = DB.session.execute(query).first()
    if row is None:
        return None
    characters, text, has_ended = row
    if characters < start.characters:
        DB.session.rollback()
        return log_behind(task_id, LogPosition())
    entries = select(TaskLogEntry.id, TaskLogEntry.text).order_by(TaskLogEntry.id)
    entries = entries.where(
        TaskLogEntry.task_id == task_id, TaskLogEntry.id > start.entry
    )
    found = DB.session.execute(entries).all()
    pieces = [entry.text for entry in found if entry.text]
    if text:
        # What was appended to the first part itself begins with the end of a line.
        pieces.insert(0, text[1:] if start.characters and text[0] == "\n" else text)
    before = "\n" if pieces and (start.characters or start.entry) else ""
    end = LogPosition(characters, found[-1].id if found else start.entry)
    return LogPart(before + "\n".join(pieces), end, has_ended)
