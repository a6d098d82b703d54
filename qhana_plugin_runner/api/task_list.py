"""The list of tasks."""

import re
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from flask import request, url_for
from flask.views import MethodView
from flask_babel import gettext as _
from flask_smorest import abort

from ..db.db import MAX_ID, without_zone
from ..tasking.queries import Position, TaskFilter, TaskPage, find_tasks
from .negotiation import page, wants_html
from .plugin_schemas import ApiLink, ApiLinkSchema, ProgressMetadataSchema
from .task_status import (
    STATES,
    STATUSES,
    given,
    point_in_time,
    progress_of,
    shown_time,
    status_of,
)
from .tasks import TASKS_API
from .util import MaBaseSchema

MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE = 100, 25

MAX_QUERY_LENGTH = 200
"""Characters in a search; longer texts are not typed by people."""

_CURSOR = re.compile(r"([on])([0-9]{1,10})(?:\.([0-9]{1,18}))?")


class _Time(ma.fields.AwareDateTime):
    """A time in ISO 8601; without a time zone it is in UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", default_timezone=UTC, **kwargs)

    def _deserialize(self, *args: Any, **kwargs: Any) -> datetime:
        time = super()._deserialize(*args, **kwargs)
        try:
            return time.astimezone(UTC)
        except OverflowError:  # in the year 1 or 9999
            raise self.make_error("invalid", input=args[0], obj_type="datetime") from None


class TaskListQuerySchema(MaBaseSchema):
    status = ma.fields.String(validate=ma.validate.OneOf(STATUSES))
    state = ma.fields.String(validate=ma.validate.OneOf(STATES))
    plugin = ma.fields.String(
        validate=ma.validate.Length(max=500),
        metadata={"description": "A plugin's identifier, or its name for all versions."},
    )
    q = ma.fields.String(
        validate=ma.validate.Length(max=MAX_QUERY_LENGTH),
        metadata={
            "description": "A part of the task's name, or of the values with which it was started "
            "in the workbench (the first 1,000 characters, without private ones); capitals do "
            "not matter."
        },
    )
    created_after = _Time(metadata={"description": "The oldest time, itself included."})
    created_before = _Time(metadata={"description": "The newest time, itself left out."})
    limit = ma.fields.Integer(
        load_default=DEFAULT_PAGE_SIZE, validate=ma.validate.Range(1, MAX_PAGE_SIZE)
    )
    cursor = ma.fields.String(
        metadata={"description": "Out of a link of another answer; begins without it."}
    )

    @ma.pre_load
    def _drop_empty(self, data: Any, **_kwargs: Any) -> dict[str, Any]:
        """Drop fields that a form sent empty."""
        return {name: value for name, value in data.items() if value != ""}

    @ma.validates("plugin")
    @ma.validates("q")
    def _check_text(self, value: str, **_kwargs: Any) -> None:
        if "\0" in value:
            raise ma.ValidationError(_("NUL characters are not allowed."))


class TaskSummarySchema(MaBaseSchema):
    href = ma.fields.String(required=True)
    id = ma.fields.Integer(required=True)
    status = ma.fields.String(required=True, metadata={"enum": list(STATUSES)})
    state = ma.fields.String(metadata={"enum": list(STATES)})
    plugin = ma.fields.String()
    task_name = ma.fields.String()
    created_at = point_in_time("When the task was made.")
    started_at = point_in_time("When a worker began with it.")
    finished_at = point_in_time("When it ended.")
    progress = ma.fields.Nested(ProgressMetadataSchema())


class TaskListSchema(MaBaseSchema):
    tasks = ma.fields.List(ma.fields.Nested(TaskSummarySchema()), required=True)
    links = ma.fields.List(
        ma.fields.Nested(ApiLinkSchema()),
        required=True,
        metadata={
            "description": "`next` leads to older tasks, `previous` to newer ones. The list "
            "ends where there is no `next`; a page that is short does not end it."
        },
    )


@TASKS_API.route("/")
class TaskListView(MethodView):
    """All tasks."""

    @TASKS_API.html_response(200, description="A page with the tasks, for browsers.")
    @TASKS_API.arguments(TaskListQuerySchema(), location="query")
    @TASKS_API.response(200, TaskListSchema())
    def get(self, query: dict[str, Any]) -> Any:
        """The tasks, newest first, a page at a time."""
        wanted = TaskFilter(
            status=query.get("status"),
            state=query.get("state"),
            plugin=query.get("plugin"),
            text=query.get("q"),
            created_after=query.get("created_after"),
            created_before=query.get("created_before"),
        )
        position = None
        if "cursor" in query:
            position = _position(query["cursor"], wanted)
        found = find_tasks(wanted, position, query["limit"])
        tasks, links = [_summary(row) for row in found.rows], _links(found)
        if wants_html():
            shown = page(
                "runner/tasks.html",
                states=STATES,
                links={link.type: link.href for link in links},
                tasks=tasks,
                wanted=wanted,
            )
            shown.add_etag(weak=True)  # the page asks again every second
            return shown.make_conditional(request)
        return {"tasks": tasks, "links": links}, {"Vary": "Accept"}


def _summary(row: Any) -> dict[str, Any]:
    return given(
        href=url_for("tasks-api.TaskView", task_id=row.id, _external=True),
        id=row.id,
        status=status_of(row),
        state=row.state,
        plugin=row.plugin,
        task_name=row.task_name,
        created_at=shown_time(row.started_at),
        started_at=shown_time(row.began_at),
        finished_at=shown_time(row.finished_at),
        progress=progress_of(row),
    )


def _links(found: TaskPage) -> list[ApiLink]:
    ways = {"next": found.older, "previous": found.newer}
    query = request.args.to_dict()
    return [
        ApiLink(
            way,
            url_for(
                "tasks-api.TaskListView",
                _external=True,
                **{**query, "cursor": _cursor(position)},
            ),
        )
        for way, position in ways.items()
        if position is not None
    ]


def _cursor(position: Position) -> str:
    cursor = f"{'n' if position.newer else 'o'}{position.id}"
    if position.created is not None:
        since = without_zone(position.created) - datetime.min
        cursor += f".{since // since.resolution}"
    return cursor


def _position(cursor: str, wanted: TaskFilter) -> Position:
    """Parse a cursor; abort with 422 when it is invalid."""
    match = _CURSOR.fullmatch(cursor)
    if match and wanted.is_by_time == bool(match[3]) and int(match[2]) <= MAX_ID:
        try:
            created = None
            if match[3]:
                created = datetime.min + datetime.resolution * int(match[3])
            return Position(match[1] == "n", int(match[2]), created)
        except OverflowError:
            pass  # out of range
    reason = _("Invalid cursor.")
    abort(422, errors={"query": {"cursor": [reason]}})
