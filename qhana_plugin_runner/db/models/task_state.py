"""The states of a task."""

from enum import StrEnum


class TaskState(StrEnum):
    """What a task does. Clients see it beside the status, which is coarser.

    Attributes:
        WAITING: nothing of it is in flight: it waits for a person, a webhook, another runner.
        QUEUED: a message is on its way to a worker.
        RUNNING: a worker has begun.
        CANCELLING: it was asked to stop; it runs until it notices.
        SUCCEEDED: ended well.
        FAILED: ended with an error.
        LOST: ended because the work was lost with a worker or the broker.
        CANCELLED: ended because it was asked to.
    """

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"
