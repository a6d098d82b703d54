"""What is wrong with a plugin in the short form, or with what its function returns."""

from ..errors import RunnerError


class DeclarationError(RunnerError):
    """A plugin cannot be made of the function: the text names the parameter and the cure."""


class OutputError(RunnerError):
    """What the function gives is not what the plugin declares as its outputs."""


class TaskCancelled(RunnerError):
    """The task was cancelled: let this exception through, and it ends."""

    def __init__(self) -> None:
        super().__init__("the task was cancelled")
