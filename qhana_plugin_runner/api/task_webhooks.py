"""The webhook calls of a task."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView

from ..db.models.tasks import ProcessingTask, WebhookDelivery
from ..requests import display_url
from ..tasking.outbox import log_of
from .task_status import given, point_in_time, shown_time
from .tasks import TASKS_API, abort_unknown, require_row_id
from .util import MaBaseSchema

MAX_LIST = 1000
"""Calls in one response."""

MAX_TABLE = 20
"""Calls on the page of a task."""


class WebhookDeliverySchema(MaBaseSchema):
    webhook = ma.fields.String(
        required=True,
        metadata={
            "description": "The URL, without user, password and query: these may be secret."
        },
    )
    event = ma.fields.String(required=True)
    created_at = point_in_time("When the task changed.")
    attempts = ma.fields.Integer(
        required=True, metadata={"description": "How many calls were attempted."}
    )
    last_attempt_at = point_in_time("When the last attempt started.")
    last_answer = ma.fields.String(
        metadata={"description": "The result: a status, or the reason why there is none."}
    )
    delivered_at = point_in_time("When the receiver accepted the call.")
    next_attempt_at = point_in_time(
        "When the next attempt is due; absent when there is none."
    )


@TASKS_API.route("/<string:task_id>/webhooks/")
class TaskWebhooksView(MethodView):
    """The webhook calls of one task."""

    @TASKS_API.response(200, WebhookDeliverySchema(many=True))
    def get(self, task_id: str) -> Any:
        """The calls of webhooks about a task, newest first, at most 1000."""
        number = require_row_id(task_id)
        if ProcessingTask.get_by_id(number) is None:
            abort_unknown(task_id)
        return [_shown(delivery) for delivery in log_of(number, MAX_LIST)]


def recent_calls(task_id: int) -> list[dict[str, Any]]:
    """Return the newest calls of webhooks about a task for its page."""
    return [_shown(call) for call in log_of(task_id, MAX_TABLE)]


def _shown(delivery: WebhookDelivery) -> dict[str, Any]:
    return given(
        webhook=display_url(delivery.webhook_href),
        event=delivery.event_type,
        created_at=shown_time(delivery.created_at),
        attempts=delivery.attempts,
        last_attempt_at=shown_time(delivery.last_attempt_at),
        last_answer=delivery.last_answer,
        delivered_at=shown_time(delivery.delivered_at),
        next_attempt_at=shown_time(delivery.due_at),
    )
