"""One task: its status, commands and deletion."""

from hashlib import sha256
from typing import Any, NamedTuple, NoReturn

import marshmallow as ma
from flask import Response, jsonify, request, url_for
from flask.views import MethodView
from flask_babel import gettext as _
from flask_smorest import abort

from ..db.db import MAX_ID
from ..db.models.task_details import TaskDetails, read_task
from ..db.models.tasks import ProcessingTask, TaskUpdateSubscription
from ..tasking.cancel import CancelResult, cancel
from ..tasking.removal import Removal, remove_task
from ..util.request_id import HEADER
from .negotiation import html_page, wants_html
from .task_status import TaskStatusSchema, task_status
from .util import MaBaseSchema, SecurityBlueprint
from .waiting import wait_for, wanted_wait

TASKS_API = SecurityBlueprint(
    "tasks-api", __name__, url_prefix="/tasks", description="The tasks of plugins."
)

EVENTS = ("status", "steps", "details")


class TaskCommandSchema(MaBaseSchema):
    """A command to a task: subscribe to its changes, or cancel it."""

    class Meta:
        unknown = ma.EXCLUDE

    command = ma.fields.String(
        required=True, validate=ma.validate.OneOf(["subscribe", "unsubscribe", "cancel"])
    )
    webhook_href = ma.fields.Url(
        schemes={"http", "https"},
        validate=ma.validate.Length(max=500),
        metadata={"description": "Required for all commands except `cancel`."},
    )
    event = ma.fields.String(
        load_default=None, allow_none=True, validate=ma.validate.OneOf(EVENTS)
    )

    @ma.validates_schema
    def _check_webhook(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["command"] != "cancel" and "webhook_href" not in data:
            missing = self.fields["webhook_href"].error_messages["required"]
            raise ma.ValidationError(missing, "webhookHref")


class CommandAnswerSchema(TaskStatusSchema):
    message = ma.fields.String(
        metadata={
            "description": "The outcome of the command, if there is more to report."
        }
    )


@TASKS_API.route("/<string:task_id>/")
class TaskView(MethodView):
    """One task."""

    @TASKS_API.html_response(200, description="A page about the task, for browsers.")
    @TASKS_API.response(200, TaskStatusSchema())
    @TASKS_API.alt_response(304, description="The status has not changed.")
    def get(self, task_id: str) -> Any:
        """The status of a task.

        With `Prefer: wait=<seconds>` the answer is held back until the status is another one
        than that named in `If-None-Match`, or without that header until the task has ended.
        """
        newest = None
        if seconds := wanted_wait():
            newest = wait_for(
                require_row_id(task_id),
                seconds,
                answer=lambda: _Answer.about(task_id),
                is_wanted=lambda answer: answer.is_wanted,
            )
        answer = newest or _Answer.about(task_id)
        if seconds and (newest or answer.is_wanted):
            answer.response.headers["Preference-Applied"] = f"wait={seconds}"
        return answer.response.make_conditional(request)

    @TASKS_API.arguments(TaskCommandSchema(), location="json")
    @TASKS_API.response(200, CommandAnswerSchema())
    def post(self, command: dict[str, Any], task_id: str) -> Any:
        """Cancel a task, subscribe a webhook to its changes, or end the subscription.

        Without an event, or with null, a subscription is to all events. The webhook is called
        with ``POST <webhookHref>?source=<task>&event=<event>``.
        """
        task = ProcessingTask.get_by_id(require_row_id(task_id))
        if task is None:
            abort_unknown(task_id)
        message = None
        if command["command"] == "cancel":
            message = _cancel(task.id)
        elif command["command"] == "subscribe":
            task_url = url_for("tasks-api.TaskView", task_id=task.id, _external=True)
            TaskUpdateSubscription.subscribe(
                task, command["webhook_href"], task_url, command["event"]
            )
        else:
            TaskUpdateSubscription.unsubscribe(
                task, command["webhook_href"], command["event"]
            )
        status = task_status(_require_task(task_id))
        return jsonify({**status, "message": message} if message else status)

    @TASKS_API.response(204)
    @TASKS_API.alt_response(404, description="There is no such task.")
    @TASKS_API.alt_response(
        409, description="The task has not finished; cancel it first."
    )
    def delete(self, task_id: str) -> None:
        """Delete a finished task with its files and everything that belongs to it."""
        removal = remove_task(require_row_id(task_id))
        if removal is Removal.NO_TASK:
            abort_unknown(task_id)
        if removal is Removal.OPEN:
            abort(409, message=_("The task has not finished. Cancel it first."))
        if removal is Removal.IN_USE:
            abort(
                409,
                message=_(
                    "The task cannot be deleted: a plugin still stores data for it."
                ),
            )


class _Answer(NamedTuple):
    """The response with the status of a task: JSON for programs, a page for browsers.

    Attributes:
        response: with an ETag.
        has_ended: whether the task has.
    """

    response: Response
    has_ended: bool

    @classmethod
    def about(cls, task_id: str) -> "_Answer":
        """Read a task; abort with 404 when there is none."""
        details = _require_task(task_id)
        if wants_html():
            response = html_page("task", details, task_status(details))
        else:
            response = jsonify(task_status(details))
        # Weak: a proxy may compress the answer.
        response.set_etag(sha256(response.get_data()).hexdigest()[:32], weak=True)
        response.headers["Vary"] = "Accept, Prefer"
        # Scripts of other origins see few headers otherwise.
        response.headers["Access-Control-Expose-Headers"] = (
            f"ETag, Preference-Applied, {HEADER}"
        )
        return cls(response, details.task.finished_at is not None)

    @property
    def is_wanted(self) -> bool:
        """Whether to send this status now instead of waiting for a newer one."""
        if request.if_none_match:
            etag, _is_weak = self.response.get_etag()
            return not request.if_none_match.contains_weak(etag or "")
        return self.has_ended


def _cancel(task_id: int) -> str | None:
    """Cancel a task and return a message to send with its status."""
    result = cancel(task_id)
    if result is CancelResult.CANCELLING:
        return str(_("Cancellation requested. The task runs until it checks for it."))
    if result is CancelResult.ENDED:
        return str(_("The task had already finished; nothing changed."))
    return None


@TASKS_API.before_request
def _require_json() -> None:
    if request.method == "POST" and not request.is_json:
        abort(
            415,
            message=_(
                "The request body must be JSON with the content type application/json."
            ),
        )


def row_id(text: str) -> int | None:
    """Parse the id in a path; ``None`` when no row can have it."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID))
    number = int(text) if is_number else 0
    return number if 0 < number <= MAX_ID else None


def require_row_id(task_id: str) -> int:
    """Parse the id of a task in a path; abort with 404 when it is invalid."""
    number = row_id(task_id)
    if number is None:
        abort_unknown(task_id)
    return number


def _require_task(task_id: str) -> TaskDetails:
    details = read_task(require_row_id(task_id))
    if details is None:
        abort_unknown(task_id)
    return details


def abort_unknown(task_id: str) -> NoReturn:
    """Abort with 404: there is no such task."""
    abort(404, message=_("Task %(id)s not found.", id=f"{task_id!r:.40}"))
