"""Log and console of a task, for clients that follow them by cursor."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import marshmallow as ma
from flask import Response
from flask.views import MethodView
from flask_babel import gettext as _

from ..db.models.task_console import console_behind
from ..db.models.task_log import LogPosition, log_behind
from .files import as_download
from .negotiation import wants_html
from .tasks import TASKS_API, abort_unknown, require_row_id
from .util import MaBaseSchema
from .waiting import wait_for, wanted_wait

_CURSOR = re.compile(r"([0-9]{1,12})-([0-9]{1,18})")

_CONSOLE_CURSOR = re.compile(r"[0-9]{1,18}")


def _cursor(pattern: re.Pattern[str], first: str) -> ma.fields.String:
    def check(value: str) -> None:
        if not pattern.fullmatch(value):
            raise ma.ValidationError(_("Invalid cursor."))

    return ma.fields.String(
        load_default=first,
        validate=check,
        metadata={"description": "The cursor of the answer before; begins without it."},
    )


class LogQuerySchema(MaBaseSchema):
    cursor = _cursor(_CURSOR, "0-0")


class ConsoleQuerySchema(MaBaseSchema):
    cursor = _cursor(_CONSOLE_CURSOR, "0")


class LogPartSchema(MaBaseSchema):
    text = ma.fields.String(
        required=True,
        metadata={"description": "What is new. All texts together are the whole log."},
    )
    cursor = ma.fields.String(
        required=True, metadata={"description": "For the next request."}
    )
    finished = ma.fields.Boolean(
        required=True, metadata={"description": "Whether the task has ended."}
    )


class _Part(NamedTuple):
    """What is new since a cursor."""

    text: str
    cursor: str
    finished: bool


def _answer(task_id: str, read: Callable[[int], _Part | None]) -> Any:
    """Answer with what is new of a task's text: JSON for programs, plain text for browsers.

    Args:
        task_id: the task
        read: returns what is new; ``None`` when there is no such task
    """
    row = require_row_id(task_id)
    part, headers = read(row), {"Vary": "Accept, Prefer"}
    seconds = wanted_wait()
    if part and seconds and not (part.text or part.finished):
        newer = wait_for(
            row,
            seconds,
            answer=lambda: read(row),
            is_wanted=lambda new: new is None or bool(new.text) or new.finished,
        )
        part, seconds = newer or read(row), seconds if newer else 0
    if part is None:
        abort_unknown(task_id)
    if seconds:
        headers["Preference-Applied"] = f"wait={seconds}"
    if wants_html():
        return as_download(Response(part.text, headers=headers), "text/plain")
    return part._asdict(), headers


@TASKS_API.route("/<string:task_id>/log/")
class TaskLogView(MethodView):
    """The log of one task."""

    @TASKS_API.arguments(LogQuerySchema(), location="query")
    @TASKS_API.response(200, LogPartSchema())
    def get(self, query: dict[str, Any], task_id: str) -> Any:
        """What was appended to a task's log since the cursor; browsers get plain text.

        With `Prefer: wait=<seconds>` the answer is held back until there is something new.
        """
        match = _CURSOR.fullmatch(query["cursor"])
        assert match  # validated by the schema
        start = LogPosition(*map(int, match.groups()))

        def read(row: int) -> _Part | None:
            part = log_behind(row, start)
            if part is None:
                return None
            cursor = f"{part.end.characters}-{part.end.entry}"
            return _Part(part.text, cursor, part.is_last)

        return _answer(task_id, read)


@TASKS_API.route("/<string:task_id>/console/")
class TaskConsoleView(MethodView):
    """What one task has printed."""

    @TASKS_API.arguments(ConsoleQuerySchema(), location="query")
    @TASKS_API.response(200, LogPartSchema())
    def get(self, query: dict[str, Any], task_id: str) -> Any:
        """What a task has printed, warned of and logged since the cursor; browsers get plain text.

        The last 1 MiB of each task is kept. With `Prefer: wait=<seconds>` the answer is held
        back until there is something new.
        """
        start = int(query["cursor"])

        def read(row: int) -> _Part | None:
            part = console_behind(row, start)
            return part and _Part(part.text, str(part.end), part.is_last)

        return _answer(task_id, read)
