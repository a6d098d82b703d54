"""With what values tasks were started, to start them again and to relate files to each other."""

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import request
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ...api.tasks import row_id
from ...db import DB
from ...db.models.tasks import ProcessingTask, storable
from ...db.models.workbench import RunInput, RunValues
from .file_urls import key_of

__all__ = ["Run", "find_run", "remember", "shown_values", "task_of"]

PRIVATE = "***"
"""What micro frontends send in place of a private value."""

UPLOADED = "Uploaded file: "
"""How micro frontends begin what they send in place of an uploaded file."""

LONGEST_FORM = 2**20
"""Characters of the values of a form that are kept; whole texts may be among them."""

NOT_KEPT = "*"
"""In place of values that are longer. Values never look so: they have ``%2A`` for ``*``."""

LONGEST_URL = 2_000
"""Characters of a URL; browsers and servers take some more, but nobody has such links."""

_TASK_PATH = re.compile(r"/tasks/([0-9]{1,10})/?\Z", re.ASCII)


class Run(NamedTuple):
    """With what a task was started.

    Attributes:
        plugin: the identifier of the plugin whose form it was.
        form_data: the values, as ``application/x-www-form-urlencoded``; ``None`` when they
            were too long to be kept.
        data_inputs: the URLs of the files among them.
    """

    plugin: str
    form_data: str | None
    data_inputs: list[str]


def task_of(url: str) -> int | None:
    """Return the id of the task with a URL, or ``None`` when it is no task of this runner.

    The URL is relative, or has the host of this request, or that of the page that sends it:
    there may be a proxy in between.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    origin = urlsplit(request.headers.get("Origin", "")).netloc
    if parts.netloc and parts.netloc not in (request.host, origin):
        return None
    match = _TASK_PATH.search(parts.path)
    number = row_id(match[1]) if match else None
    if number is None:
        return None
    query = select(ProcessingTask.id).filter_by(id=number)
    return DB.session.execute(query).scalar()


def shown_values(form_data: str) -> str:
    """Return the values of a form without private ones and uploaded files."""
    values = parse_qsl(form_data, keep_blank_values=True)
    return urlencode(
        [
            (name, value)
            for name, value in values
            if value != PRIVATE and not value.startswith(UPLOADED)
        ]
    )


def remember(
    task_id: int, plugin: str, form_data: str, data_inputs: Sequence[str]
) -> None:
    """Keep with what a task was started; commits.

    Of a task with steps, the values of the first form are kept, and the inputs of all. An input
    that is written into its URL is no file, and only among the values. Of values that are longer
    than ``LONGEST_FORM`` it is kept that there were some.
    """
    known = set(_keys(task_id))
    first = len(known)
    new = {key_of(url): url for url in data_inputs if _is_link(url)}
    for number, key in enumerate((key for key in new if key not in known), first):
        DB.session.add(RunInput(task_id, number, key, storable(new[key])))
    if DB.session.get(RunValues, task_id) is None:
        values = shown_values(form_data)
        if len(values) > LONGEST_FORM:
            values = NOT_KEPT
        DB.session.add(RunValues(task_id, storable(plugin), values))
    try:
        DB.session.commit()
    except IntegrityError:
        # Somebody else was told the same at the same time, or has removed the task.
        DB.session.rollback()


def _is_link(url: str) -> bool:
    return bool(url) and len(url) <= LONGEST_URL and not url.lower().startswith("data:")


def _keys(task_id: int) -> list[str]:
    query = select(RunInput.key).filter_by(task_id=task_id)
    return list(DB.session.execute(query).scalars())


def find_run(task_id: int) -> Run | None:
    """Return with what a task was started, or ``None`` when that is not known."""
    values = DB.session.get(RunValues, task_id)
    if values is None:
        return None
    query = select(RunInput.url).filter_by(task_id=task_id).order_by(RunInput.number)
    inputs = list(DB.session.execute(query).scalars())
    kept = None if values.form_data == NOT_KEPT else values.form_data
    return Run(values.plugin, kept, inputs)
