"""Files that belong together because tasks have made one from the other."""

from enum import StrEnum

from sqlalchemy import ColumnElement, false, or_, select

from ...db import DB
from ...db.models.tasks import TaskFile
from ...db.models.workbench import RunInput
from .file_urls import find_file, key_of
from .files import LOOKED_AT, FileFilter, candidates, chosen

__all__ = ["MOST_RELATED", "Relation", "find_related"]

MOST_RELATED = 100
"""Files that are listed at most: a file may have been the input of any number of tasks."""


class Relation(StrEnum):
    """How files are related to one.

    Attributes:
        EXACT: outputs of the same task.
        PRE: inputs of the task that has made the file.
        POST: outputs of tasks that had the file as input.
        ANY: all of these.
    """

    ANY = "any"
    EXACT = "exact"
    PRE = "pre"
    POST = "post"


def find_related(
    url: str, relation: Relation, wanted: FileFilter, include_self: bool = False
) -> list[TaskFile]:
    """Return the outputs of ended tasks that are related to a file, newest first.

    The file may be one of another host: what was made from it is known all the same.

    Args:
        url: of the file.
        relation: how they are related.
        wanted: which of them.
        include_self: with the file itself, if it is one of this runner.
    """
    file = find_file(url)
    ways: list[ColumnElement[bool]] = []
    if relation in (Relation.EXACT, Relation.ANY):
        ways.append(_of_the_same_task(file))
    if relation in (Relation.PRE, Relation.ANY):
        ways.append(_inputs(file))
    if relation in (Relation.POST, Relation.ANY):
        ways.append(_made_from(url))
    condition = or_(*ways)
    if file is not None:
        is_self = TaskFile.id == file.id
        condition = or_(condition, is_self) if include_self else condition & ~is_self
    query = candidates().where(condition).order_by(TaskFile.id.desc())
    query = query.limit(LOOKED_AT)
    return chosen(wanted, query)[:MOST_RELATED]


def _of_the_same_task(file: TaskFile | None) -> ColumnElement[bool]:
    if file is None or file.task_id is None:
        return false()
    return TaskFile.task_id == file.task_id


def _inputs(file: TaskFile | None) -> ColumnElement[bool]:
    if file is None or file.task_id is None:
        return false()
    query = select(RunInput.url).filter_by(task_id=file.task_id)
    found = (find_file(url) for url in DB.session.execute(query).scalars())
    return TaskFile.id.in_([each.id for each in found if each is not None])


def _made_from(url: str) -> ColumnElement[bool]:
    """Return the condition for outputs of the newest tasks that had a file as input."""
    query = select(RunInput.task_id).filter_by(key=key_of(url))
    query = query.order_by(RunInput.task_id.desc()).limit(MOST_RELATED)
    return TaskFile.task_id.in_(list(DB.session.execute(query).scalars()))
