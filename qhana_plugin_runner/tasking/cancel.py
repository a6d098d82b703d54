"""Cancelling a task: from any process, whatever the task does at the moment."""

from enum import Enum

from flask import current_app

from . import life_cycle
from .broker import in_flight


class CancelResult(Enum):
    """What a request to cancel has led to."""

    CANCELLED = "it has ended now"
    CANCELLING = "it ends as soon as what is running stops"
    ENDED = "it had ended before, and nothing was changed"


def cancel(task_id: int) -> CancelResult:
    """Cancel a task.

    What has not started never starts. What is running is stopped by its worker if it has a
    process of its own, and else stops when it looks at ``task.cancel_requested`` or is done.

    Raises:
        KeyError: there is no such task.
        redis.exceptions.RedisError: the broker cannot be asked what is running.
    """
    registry = in_flight(current_app)
    # First: from here on nothing starts, so that what is idle stays so.
    if registry is not None and registry.request_cancel(task_id) > 0:
        if life_cycle.request_cancel(task_id):
            return CancelResult.CANCELLING
        return CancelResult.ENDED
    ended = life_cycle.cancel(task_id)
    if registry is not None:
        registry.tombstone(task_id)
    return CancelResult.CANCELLED if ended.happened else CancelResult.ENDED
