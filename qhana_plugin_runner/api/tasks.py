"""The status of tasks, and subscriptions to their changes."""

from math import isfinite
from typing import Any
from urllib.parse import urljoin

import marshmallow as ma
from flask import request, url_for
from flask.views import MethodView
from flask_babel import gettext as _
from flask_smorest import abort

from ..db.models.tasks import ProcessingTask, TaskFile, TaskUpdateSubscription
from ..pages.browser import page, wants_html
from ..storage import STORE, StorageError
from .plugin_schemas import (
    ApiLink,
    ApiLinkSchema,
    ProgressMetadata,
    ProgressMetadataSchema,
    StepMetadata,
    StepMetadataSchema,
)
from .util import MaBaseSchema, SecurityBlueprint

__all__ = ["TASKS_API", "TaskView", "row_id"]

TASKS_API = SecurityBlueprint(
    "tasks-api", __name__, url_prefix="/tasks", description="The tasks that plugins run."
)

LARGEST_ID = 2**31 - 1
"""The largest number that an ``INTEGER`` column of PostgreSQL holds; no id is above it."""

EVENTS = ("status", "steps", "details")


class OutputSchema(MaBaseSchema):
    href = ma.fields.String(required=True)
    data_type = ma.fields.String(required=True)
    content_type = ma.fields.String(required=True)
    name = ma.fields.String()


class TaskStatusSchema(MaBaseSchema):
    status = ma.fields.String(
        required=True,
        metadata={"enum": ["PENDING", "SUCCESS", "FAILURE", "UNKNOWN"]},
    )
    log = ma.fields.String(required=True)
    progress = ma.fields.Nested(ProgressMetadataSchema())
    steps = ma.fields.List(ma.fields.Nested(StepMetadataSchema()))
    links = ma.fields.List(ma.fields.Nested(ApiLinkSchema()))
    outputs = ma.fields.List(ma.fields.Nested(OutputSchema()), required=True)


class TaskCommandSchema(MaBaseSchema):
    """A subscription to the changes of a task."""

    class Meta:
        unknown = ma.EXCLUDE

    command = ma.fields.String(
        required=True, validate=ma.validate.OneOf(["subscribe", "unsubscribe"])
    )
    webhook_href = ma.fields.Url(
        required=True, schemes={"http", "https"}, validate=ma.validate.Length(max=500)
    )
    event = ma.fields.String(
        load_default=None, allow_none=True, validate=ma.validate.OneOf(EVENTS)
    )


def task_status(task: ProcessingTask) -> dict[str, Any]:
    """Return the status of a task as clients see it."""
    task_url = url_for("tasks-api.TaskView", task_id=task.id, _external=True)
    status: dict[str, Any] = {
        "status": task.status,
        "log": task.task_log or "",
        "links": [
            ApiLink(type="subscribe", href=task_url),
            *(ApiLink(link.type, _absolute(task_url, link.href)) for link in task.links),
        ],
        "outputs": [],
    }
    # JSON knows no infinity, and no "not a number".
    if task.progress_value is not None and isfinite(task.progress_value):
        status["progress"] = ProgressMetadata(
            value=task.progress_value,
            start=task.progress_start if task.progress_start is not None else 0,
            target=task.progress_target if task.progress_target is not None else 100,
            unit=task.progress_unit or "",
        )
    if task.steps:
        status["steps"] = [
            StepMetadata(
                href=_absolute(task_url, step.href),
                uiHref=_absolute(task_url, step.ui_href),
                stepId=step.step_id or "",
                cleared=bool(step.cleared),
            )
            for step in task.steps
        ]
    if task.is_finished:
        status["outputs"] = [
            {
                "href": _download_url(file),
                "data_type": file.file_type,
                "content_type": file.mimetype,
                "name": file.file_name,
                # For the page; clients find both in the headers of the download.
                "size": file.size,
                "sha256": file.sha256,
            }
            for file in task.outputs
            if file.is_output
        ]
    return status


def _absolute(base: str, href: str | None) -> str:
    try:
        return urljoin(base, href or "")
    except (
        ValueError
    ):  # no URL at all; the plugin's text is still the best there is to show
        return str(href)


def _download_url(file: TaskFile) -> str:
    try:
        return STORE.get_task_file_url(file, external=True)
    except StorageError:
        # The store is not set up, or its plugin is gone. Our own answer there says so.
        tag = {"file-id": file.security_tag}
        return url_for("files-api.FileView", file_id=file.id, _external=True, **tag)


@TASKS_API.route("/<string:task_id>/")
class TaskView(MethodView):
    """One task."""

    @TASKS_API.html_response(200, description="A page about the task, for browsers.")
    @TASKS_API.response(200, TaskStatusSchema())
    def get(self, task_id: str) -> Any:
        """The status of a task."""
        status = task_status(_require_task(task_id))
        if wants_html():
            return page("runner/task.html", task=status, task_id=task_id)
        return status, {"Vary": "Accept"}

    @TASKS_API.arguments(TaskCommandSchema(), location="json")
    @TASKS_API.response(200, TaskStatusSchema())
    def post(self, command: dict[str, Any], task_id: str) -> Any:
        """Subscribe a webhook to the changes of a task, or end the subscription.

        Without an event, or with null, a subscription is to all events. The webhook is called
        with ``POST <webhookHref>?source=<task>&event=<event>``.
        """
        task = _require_task(task_id)
        if command["command"] == "subscribe":
            task_url = url_for("tasks-api.TaskView", task_id=task.id, _external=True)
            TaskUpdateSubscription.subscribe(
                task, command["webhook_href"], task_url, command["event"]
            )
        else:
            TaskUpdateSubscription.unsubscribe(
                task, command["webhook_href"], command["event"]
            )
        return task_status(_require_task(task_id))


@TASKS_API.before_request
def _require_json() -> None:
    if request.method != "POST":
        return
    if not request.is_json:
        abort(
            415,
            message=_("The body has to be JSON, with the content type application/json."),
        )
    try:
        request.get_json(silent=True)  # other faults are told by the view's own parser
    except RecursionError:
        abort(400, message=_("The JSON is nested too deeply."))


def row_id(text: str) -> int | None:
    """Return the id in a path, or ``None`` when there cannot be a row with it."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ID))
    number = int(text) if is_number else 0
    return number if 0 < number <= LARGEST_ID else None


def _require_task(task_id: str) -> ProcessingTask:
    number = row_id(task_id)
    task = None if number is None else ProcessingTask.get_with_details(number)
    if task is None:
        abort(404, message=_("There is no task %(id)s.", id=f"{task_id!r:.40}"))
    return task
