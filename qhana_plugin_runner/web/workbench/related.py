"""Files that are related because a task made one from the other."""

from enum import StrEnum

from sqlalchemy import ColumnElement, false, or_, select

from ...db import DB
from ...db.models.tasks import TaskFile
from ...db.models.workbench import RunInput
from .file_urls import file_key, find_file
from .files import SCAN_LIMIT, FileFilter, candidates, matching_files

MAX_RELATED = 100
"""Files in a list; a file may have been the input of any number of tasks."""


class Relation(StrEnum):
    """How files are related to one.

    Attributes:
        EXACT: Outputs of the same task.
        PRE: Inputs of the task that made the file.
        POST: Outputs of tasks that had the file as an input.
        ANY: All of these.
    """

    ANY = "any"
    EXACT = "exact"
    PRE = "pre"
    POST = "post"


def find_related(
    url: str, relation: Relation, wanted: FileFilter, include_self: bool = False
) -> list[TaskFile]:
    """Return the outputs of finished tasks that are related to a file, newest first.

    The file may be on another host; the files made from it are found as well.

    Args:
        url: The URL of the file.
        relation: How they are related.
        wanted: Which of them.
        include_self: Whether to include the file itself, if it is a file of this runner.
    """
    file = find_file(url)
    task_id = None if file is None else file.task_id
    ways: list[ColumnElement[bool]] = [false()]
    if relation in (Relation.EXACT, Relation.ANY) and task_id is not None:
        ways.append(TaskFile.task_id == task_id)
    if relation in (Relation.PRE, Relation.ANY) and task_id is not None:
        ways.append(TaskFile.id.in_(_input_ids(task_id)))
    if relation in (Relation.POST, Relation.ANY):
        query = select(RunInput.task_id).filter_by(key=file_key(url))
        newest = query.order_by(RunInput.task_id.desc()).limit(MAX_RELATED)
        ways.append(TaskFile.task_id.in_(DB.session.execute(newest).scalars().all()))
    condition = or_(*ways)
    if file is not None:
        is_self = TaskFile.id == file.id
        condition = or_(condition, is_self) if include_self else condition & ~is_self
    found = candidates().where(condition).order_by(TaskFile.id.desc())
    return matching_files(wanted, found.limit(SCAN_LIMIT))[:MAX_RELATED]


def _input_ids(task_id: int) -> list[int]:
    """Return the ids of the files of this runner that a task had as inputs."""
    query = select(RunInput.url).filter_by(task_id=task_id)
    found = (find_file(url) for url in DB.session.execute(query).scalars())
    return [each.id for each in found if each is not None]
