"""What keeps the messages of a task from being sent."""

from collections.abc import Iterable

from kombu.exceptions import OperationalError

from ..errors import RunnerError


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


class TooManyTasks(RunnerError):
    """A client has as many tasks under way as it may have."""

    http_status = 429
    retry_after = 10

    def __init__(self, most: int) -> None:
        super().__init__(
            f"you have too many tasks under way: TASK_MAX_PER_CLIENT is {most}, and tasks that wait "
            "for a step count. Try again when one has ended, or cancel one"
        )
