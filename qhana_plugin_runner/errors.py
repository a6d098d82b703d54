"""The root of the runner's exceptions."""

from click import ClickException


class RunnerError(Exception):
    """Something that the runner knows how to explain: its text names the cause and the fix.

    Attributes:
        http_status: the status with which a request that ends in this error is answered.
        retry_after: after how many seconds the same request may succeed, if that is known.
    """

    http_status: int = 500
    retry_after: int | None = None


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
