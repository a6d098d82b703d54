"""Telling the subscribers of a task that it has changed."""

import logging
from typing import Any

from flask import Flask
from kombu.exceptions import OperationalError

from .db.models.tasks import TaskUpdateSubscription
from .plugin_utils.interop import call_webhook
from .tasks import TASK_DETAILS_CHANGED, TASK_STATUS_CHANGED, TASK_STEPS_CHANGED

__all__ = ["register_webhooks"]

_logger = logging.getLogger(__name__)


def register_webhooks(app: Flask) -> None:
    """Call webhooks when the signals of a task are sent.

    The signals belong to the process: for a second app nothing more is connected.
    """
    TASK_STATUS_CHANGED.connect(_status_changed)
    TASK_STEPS_CHANGED.connect(_steps_changed)
    TASK_DETAILS_CHANGED.connect(_details_changed)


def _status_changed(_app: Flask, *, task_id: int, **_kwargs: Any) -> None:
    _tell_subscribers(task_id, "status")


def _steps_changed(_app: Flask, *, task_id: int, **_kwargs: Any) -> None:
    _tell_subscribers(task_id, "steps")


def _details_changed(_app: Flask, *, task_id: int, **_kwargs: Any) -> None:
    _tell_subscribers(task_id, "details")


def _tell_subscribers(task_id: int, event: str) -> None:
    """Send one message for each webhook; a worker makes the calls.

    The task has changed already, so a broker that is away must not fail whoever changed it.
    """
    subscribers = TaskUpdateSubscription.get_by_task_and_event(task_id, event)
    try:
        for webhook in subscribers:
            call_webhook.s(
                webhook_url=webhook.webhook_href,
                task_url=webhook.task_href,
                event_type=event,
            ).apply_async()
    except OperationalError as error:
        _logger.warning(
            "some of the %d webhooks that wait for the event %r of task %s are not called: %s",
            len(subscribers),
            event,
            task_id,
            error,
        )
