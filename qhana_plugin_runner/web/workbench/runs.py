"""The values with which tasks were started, to run them again and to relate files."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import request
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ...api.tasks import row_id
from ...db import DB
from ...db.models.tasks import ProcessingTask, TaskFile, storable
from ...db.models.workbench import RunInput, RunValues
from ...util.redaction import MASK
from ...util.texts import encodable
from .file_urls import file_key

UPLOADED = "Uploaded file: "
"""Micro frontends send this and a name instead of an uploaded file."""

MAX_FORM_LENGTH = 2**20
"""Characters of the values of a form that are saved; whole texts may be among them."""

NOT_SAVED = "*"
"""Instead of longer values. Values never look like this: they have ``%2A`` for ``*``."""

MAX_URL_LENGTH = 2_000
"""Characters of a URL; browsers and servers take some more, but such links are not used."""

_TASK_PATH = re.compile(r"/tasks/([0-9]{1,10})/?\Z", re.ASCII)


class Run(NamedTuple):
    """The values with which a task was started.

    Attributes:
        plugin: The identifier of the plugin whose form it was.
        form_data: The values, as ``application/x-www-form-urlencoded``; ``None`` when they
            were too long to be saved.
        data_inputs: The URLs of the files among them.
    """

    plugin: str
    form_data: str | None
    data_inputs: list[str]


def find_task(url: str) -> int | None:
    """Return the id of the task with a URL, or ``None`` when it is not a task of this runner.

    The URL is relative, or has the host of this request or of the page that sends it, as there
    may be a proxy in between.
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


def saved_values(values: Iterable[tuple[str, str]]) -> str:
    """Return what is saved of the values of a form, given by the names of its fields.

    That is not private ones and uploaded files, and of more than ``MAX_FORM_LENGTH``
    characters only a mark.
    """
    encoded = urlencode(
        [
            (name, encodable(value))
            for name, value in values
            if value != MASK and not value.startswith(UPLOADED)
        ]
    )
    return encoded if len(encoded) <= MAX_FORM_LENGTH else NOT_SAVED


def inputs_by_key(urls: Iterable[str]) -> dict[str, str]:
    """Return the URLs that are inputs of a task, by the keys of their files.

    Data URLs are values and not inputs.
    """
    return {
        file_key(url): storable(url)
        for url in urls
        if 0 < len(url) <= MAX_URL_LENGTH and not url.lower().startswith("data:")
    }


def save_run(
    task_id: int, plugin: str, form_data: str, data_inputs: Sequence[str]
) -> None:
    """Save the values with which a task was started; commits.

    Of a task with steps, the values of the first form are saved, and the inputs of all forms.
    """
    query = select(RunInput.key).filter_by(task_id=task_id)
    known = set(DB.session.execute(query).scalars())
    first = len(known)
    new = inputs_by_key(data_inputs)
    for number, key in enumerate((key for key in new if key not in known), first):
        DB.session.add(RunInput(task_id, number, key, new[key]))
    if DB.session.get(RunValues, task_id) is None:
        values = saved_values(parse_qsl(form_data, keep_blank_values=True))
        DB.session.add(RunValues(task_id, storable(plugin), values))
    try:
        DB.session.commit()
    except IntegrityError:
        # Another request saved the same, or the task was removed.
        DB.session.rollback()


def find_run(task_id: int) -> Run | None:
    """Return the values with which a task was started, or ``None`` when they are unknown."""
    values = DB.session.get(RunValues, task_id)
    if values is None:
        return None
    query = select(RunInput.url).filter_by(task_id=task_id).order_by(RunInput.number)
    inputs = list(DB.session.execute(query).scalars())
    kept = None if values.form_data == NOT_SAVED else values.form_data
    return Run(values.plugin, kept, inputs)


def input_names(task_ids: Iterable[int | None]) -> dict[int, list[str]]:
    """Return the names of the files of this runner that tasks had as inputs, by their ids."""
    inputs = select(RunInput.task_id, RunInput.key)
    inputs = inputs.where(RunInput.task_id.in_([each for each in task_ids if each]))
    rows = DB.session.execute(inputs.order_by(RunInput.task_id, RunInput.number)).all()
    files = {key: int(key.partition("/")[0]) for _task, key in rows if "/" in key}
    query = select(TaskFile.id, TaskFile.security_tag, TaskFile.file_name)
    query = query.where(TaskFile.id.in_(set(files.values())))
    names = {f"{id_}/{tag}": name for id_, tag, name in DB.session.execute(query)}
    found: dict[int, list[str]] = {}
    for task_id, key in rows:
        if key in names:
            found.setdefault(task_id, []).append(names[key])
    return found
