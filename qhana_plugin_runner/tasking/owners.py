"""Whose message is it? Tells for which task, by the id of its row, a message is sent."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import exists, select

from ..db import DB
from ..db.models.tasks import Step

Row = tuple[str, int | None]
"""A Celery task, by its name, and the id of the row that it names."""

_ENDS = "qhana-plugin-runner."
"""What the names of the runner's own tasks that write to rows begin with."""

_WATCHERS = "qhana_plugin_runner.plugin_utils.interop."
"""Those that watch tasks of other runners. They may fail, or go on for days, without harm."""


def rows_of(
    name: str, kwargs: Mapping[str, Any] | None, options: Mapping[str, Any]
) -> Iterator[Row]:
    """Yield the ``db_id`` of a message, and of all that is to follow it, with the tasks' names.

    It is ``None`` where a plugin hands on the id of a row that it has not saved.
    """
    kwargs = kwargs or {}
    if isinstance(row := kwargs.get("db_id", ""), int | None):
        yield name, row
    following = [options.get(key) for key in ("chain", "chord", "link", "link_error")]
    # What follows may be a chain, a group or a chord, which has its parts as arguments.
    following += [kwargs.get(key) for key in ("tasks", "header", "body")]
    for signatures in following:
        if signatures is None:
            continue
        if not isinstance(signatures, (list, tuple)):
            signatures = [signatures]
        for signature in signatures:
            if isinstance(signature, Mapping) and "task" in signature:
                yield from rows_of(
                    signature["task"],
                    signature.get("kwargs"),
                    signature.get("options", {}),
                )


def owner_of(name: str, rows: Sequence[Row], sender: int | None) -> int | None:
    """Return the task that a message works for, if it works for one.

    That is the one whose row a task of the runner writes to in the end; else the one that the
    message names, unless it waits for a step: then it is a preview, whose fate does not concern
    the task; else the one for which the sender works.

    Args:
        name: of the Celery task
        rows: what it names, and all that is to follow it
        sender: the task for which the message works that sends this one

    Raises:
        sqlalchemy.exc.DBAPIError: the database cannot be asked.
    """
    if name.startswith(_WATCHERS):
        return None
    for task_name, row in rows:
        if row is not None and task_name.startswith(_ENDS):
            return row
    for _name, row in rows:
        if row not in (None, sender) and not waits_for_step(row):
            return row
    return sender


def waits_for_step(row: int) -> bool:
    """Whether a task has a step that waits for its input."""
    is_open = exists().where(Step.id == row, Step.cleared.is_not(True))
    return bool(DB.session.execute(select(is_open)).scalar())
