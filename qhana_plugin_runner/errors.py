"""The root of the runner's exceptions."""

from collections.abc import Iterable

from click import ClickException
from kombu.exceptions import OperationalError


class RunnerError(Exception):
    """Something that the runner knows how to explain: its text names the cause and the fix.

    Attributes:
        http_status: the status with which a request that ends in this error is answered.
    """

    http_status: int = 500


class TaskNotSaved(RunnerError):
    """A message is sent for a task whose row is not in the database."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: the task is not saved. Call task.save(commit=True) before the message "
            "is sent with db_id=task.id."
        )


class OperatorError(RunnerError, ClickException):
    """What whoever starts the runner has to put right: a setting, an option, a server.

    Commands of ``flask`` show it as one line instead of a traceback, as click does with its own.
    """

    exit_code = 2


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
