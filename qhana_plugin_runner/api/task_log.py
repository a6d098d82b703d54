"""The log of a task, for clients that follow it by cursor."""

import re
from typing import Any

import marshmallow as ma
from flask import Response
from flask.views import MethodView
from flask_babel import gettext as _

from ..db.models.task_log import LogPosition, log_behind
from .downloads import as_download
from .negotiation import wants_html
from .tasks import TASKS_API, abort_unknown, require_row_id
from .util import MaBaseSchema

__all__ = ["TaskLogView"]

_CURSOR = re.compile(r"([0-9]{1,12})-([0-9]{1,18})")


class LogQuerySchema(MaBaseSchema):
    class Meta:
        unknown = ma.EXCLUDE

    cursor = ma.fields.String(
        load_default="0-0",
        metadata={"description": "The cursor of the answer before; begins without it."},
    )

    @ma.validates("cursor")
    def _check_cursor(self, value: str, **_kwargs: Any) -> None:
        if not _CURSOR.fullmatch(value):
            raise ma.ValidationError(_("Invalid cursor."))


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


@TASKS_API.route("/<string:task_id>/log/")
class TaskLogView(MethodView):
    """The log of one task."""

    @TASKS_API.arguments(LogQuerySchema(), location="query")
    @TASKS_API.response(200, LogPartSchema())
    def get(self, query: dict[str, Any], task_id: str) -> Any:
        """What was appended to a task's log since the cursor; browsers get plain text."""
        match = _CURSOR.fullmatch(query["cursor"])
        assert match  # validated by the schema
        start = LogPosition(*map(int, match.groups()))
        part = log_behind(require_row_id(task_id), start)
        if part is None:
            abort_unknown(task_id)
        if wants_html():
            text = Response(part.text, headers={"Vary": "Accept"})
            return as_download(text, "text/plain")
        cursor = f"{part.end.characters}-{part.end.entry}"
        log = {"text": part.text, "cursor": cursor, "finished": part.is_last}
        return log, {"Vary": "Accept"}
