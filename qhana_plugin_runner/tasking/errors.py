"""What keeps the messages of a task from being sent."""

from collections.abc import Iterable

from kombu.exceptions import OperationalError

from ..errors import RunnerError

__all__ = ["BrokerUnavailable"]


class BrokerUnavailable(RunnerError, OperationalError):
    """Messages could not be sent because the broker does not answer.

    Attributes:
        task_ids: the rows of the tasks that the messages were for.
    """

    http_status = 503

    def __init__(self, cause: Exception, task_ids: Iterable[int] = ()) -> None:
        super().__init__(
            f"the message broker cannot be reached ({cause}); nothing was started. "
            "Check that it is running and that BROKER_URL is right, then try again."
        )
        self.task_ids = set(task_ids)
