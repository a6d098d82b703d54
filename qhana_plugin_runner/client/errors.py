"""What can go wrong; all of it is a :class:`ClientError`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from .task import Task


class ClientError(Exception):
    """The base of all errors of the client."""


class Unreachable(ClientError, ConnectionError):
    """The runner does not answer."""

    def __init__(self, url: str, error: BaseException, more: str = "") -> None:
        super().__init__(f"{url} cannot be reached: {_first_cause(error)}{more}")


class Refused(ClientError):
    """The runner does not do what it was asked for.

    Attributes:
        status: The HTTP status, such as 404.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @classmethod
    def from_response(cls, response: requests.Response) -> Refused:
        """Make the error that an answer tells of."""
        body = _json_object(response)
        if response.status_code == 422 and isinstance(body.get("errors"), Mapping):
            return InvalidInputs(_by_field(body["errors"]), response.url)
        reason = body.get("message") or body.get("msg") or body.get("errors") or ""
        message = f"{response.status_code} {response.reason} ({response.url})"
        if reason:
            message += f": {reason}"
        if response.status_code == 401:
            message += ". The runner asks for an access token with the role run."
        return cls(message, response.status_code)


class InvalidInputs(Refused, ValueError):
    """Inputs are missing, unknown or not valid.

    Attributes:
        errors: What is wrong, by the name of the input.
    """

    def __init__(self, errors: Mapping[str, Sequence[str]], where: str) -> None:
        self.errors = {name: list(texts) for name, texts in errors.items()}
        lines = [f"  {name}: {' '.join(texts)}" for name, texts in self.errors.items()]
        super().__init__("\n".join([f"{where} does not accept the inputs:", *lines]), 422)


class TaskError(ClientError):
    """An error about a task.

    Attributes:
        task: The task.
    """

    def __init__(self, message: str, task: Task) -> None:
        super().__init__(message)
        self.task = task


class TaskFailed(TaskError):
    """The task has failed; the message ends with the last line of its log."""


class TaskCancelled(TaskFailed):
    """The task was canceled."""


class TaskPending(TaskError, TimeoutError):
    """The task has not ended in time; it goes on."""


class StepOpen(TaskError):
    """The task waits for the answer to a step."""


def _json_object(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _by_field(errors: Mapping[str, Any]) -> dict[str, list[str]]:
    """Flatten the errors of an answer, whose first level is the place: form, query, files."""
    found: dict[str, list[str]] = {}
    for place, fields in errors.items():
        if not isinstance(fields, Mapping):
            fields = {place: fields}
        for name, texts in fields.items():
            found.setdefault(name, []).extend(_texts(texts))
    return found


def _texts(errors: Any) -> list[str]:
    """Return the messages of a field; those of its elements have a number or a key."""
    if isinstance(errors, Mapping):
        return [
            f"[{key}] {text}" for key, each in errors.items() for text in _texts(each)
        ]
    if isinstance(errors, list):
        return [text for each in errors for text in _texts(each)]
    return [str(errors)]


def causes(error: BaseException) -> list[BaseException]:
    """Return an error and what has caused it, the first cause last."""
    found = [error]
    while cause := found[-1].__cause__ or found[-1].__context__:
        found.append(cause)
    return found


def _first_cause(error: BaseException) -> str:
    """Return the reason of a failed connection without what libraries wrap around it."""
    first = causes(error)[-1]
    return getattr(first, "strerror", None) or str(first)
