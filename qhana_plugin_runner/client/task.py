"""A task of a runner, from the submit to its outputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from math import ceil
from typing import Any, NamedTuple

from .connection import Connection, Overdue
from .errors import InvalidInputs, StepOpen, TaskCancelled, TaskFailed, TaskPending
from .form import DataInput, Form
from .multipart import FileInput, file_name, multipart
from .outputs import Output, Outputs
from .plugin import read_schema
from .progress import ShowProgress, showing

LONGEST_WAIT = 20
"""Seconds that the runner may hold back an answer."""

PAUSE = 0.5
"""Seconds between two looks at a task when the runner does not hold back answers."""


class Step(NamedTuple):
    """A step in which a task asks for more input.

    Attributes:
        id: The name of the step.
        href: The URL that takes the answer.
        ui_href: The URL of the form, for a browser.
        is_open: Whether the answer is missing.
    """

    id: str
    href: str
    ui_href: str
    is_open: bool


class Progress(NamedTuple):
    """How far a task is: ``value`` lies between ``start`` and ``target``."""

    value: float
    start: float = 0.0
    target: float = 100.0
    unit: str = "%"


class Task:
    """A task. As long as it has not ended, each look at a property asks the runner.

    Attributes:
        url: The URL of the task.
    """

    def __init__(
        self, connection: Connection, url: str, status: dict[str, Any] | None = None
    ) -> None:
        self._connection = connection
        self._status = status or {}
        self._etag = ""
        self._answered: set[int] = set()
        self._is_current = False
        self.url = url

    def __repr__(self) -> str:
        plugin = str(self._status.get("plugin", "")).partition("@")[0]
        words = ["Task", str(self.id), plugin, self._status.get("status", "")]
        return f"<{' '.join(word for word in words if word)}>"

    @property
    def id(self) -> int:
        """The number of the task."""
        return int(self.url.partition("?")[0].rstrip("/").rpartition("/")[2])

    @property
    def status(self) -> str:
        """``PENDING``, ``SUCCESS``, ``FAILURE`` or ``UNKNOWN``."""
        return str(self._newest()["status"])

    @property
    def state(self) -> str:
        """What the task does: ``waiting``, ``queued``, ``running``, ``succeeded``, ..."""
        return str(self._newest().get("state", ""))

    @property
    def plugin(self) -> str:
        """The identifier of the plugin."""
        return str(self._newest().get("plugin", ""))

    @property
    def log(self) -> str:
        """The log."""
        return str(self._newest().get("log") or "")

    @property
    def progress(self) -> Progress | None:
        """How far the task is, if it says so."""
        progress = self._newest().get("progress") or {}
        known = {key: progress[key] for key in Progress._fields if key in progress}
        return Progress(**known) if known else None

    @property
    def steps(self) -> list[Step]:
        """The steps, oldest first."""
        return self._steps(self._newest())

    @property
    def outputs(self) -> Outputs[Output]:
        """The files; there are none before the task has ended."""
        outputs = self._newest().get("outputs", ())
        return Outputs([Output(self._connection, each) for each in outputs])

    @property
    def has_ended(self) -> bool:
        """Whether the task has succeeded or failed."""
        return self.status != "PENDING"

    def wait(
        self, timeout: float | None = None, *, progress: ShowProgress = None
    ) -> Task:
        """Wait until the task has ended, or asks for the answer to a step.

        Args:
            timeout: For how many seconds; for ever by default.
            progress: Whether to show the progress; by default where somebody sees it, if
                ``tqdm`` is installed. A function is called with the task at each change.

        Raises:
            TaskFailed: The task has failed or was canceled.
            TaskPending: The time is over; the task goes on.

        Returns:
            The task itself.
        """
        end = None if timeout is None else time.monotonic() + timeout
        late = f"{self!r} has not ended within {timeout or 0:g} s"
        try:
            with showing(progress) as show:
                self._refresh(end=end)
                self._shown_by(show)
                while self._is_busy():
                    left = LONGEST_WAIT if end is None else end - time.monotonic()
                    if left <= 0:
                        raise TaskPending(late, self)
                    self._refresh(min(LONGEST_WAIT, ceil(left)), end)
                    self._shown_by(show)
        except Overdue as error:
            raise TaskPending(f"{late}: {error.__cause__}", self) from error.__cause__
        self._raise_failure()
        return self

    def answer(
        self, step: str | Step, inputs: Mapping[str, Any] | None = None, /, **more: Any
    ) -> None:
        """Answer a step that is open.

        Args:
            step: The step, or its name.
            inputs: By the names of the fields of its form.
            more: Further inputs.

        Raises:
            InvalidInputs: The form does not accept the inputs.
            ValueError: The task has no such open step.
        """
        wanted = step.id if isinstance(step, Step) else step
        steps = list(enumerate(self.steps))
        found = [(n, each) for n, each in steps if each.id == wanted and each.is_open]
        if not found:
            names = [each.id for _n, each in steps if each.is_open]
            raise ValueError(f"{self!r} has no open step {wanted!r}; open are {names}")
        number, found_step = found[-1]
        schema_urls = self._status.get("stepSchemas") or {}
        schema = read_schema(self._connection, schema_urls.get(wanted))
        form = Form(f"the step {wanted}", schema, {})
        values = {**(inputs or {}), **more}
        submit_form(self._connection, found_step.href, form, values)
        self._answered.add(number)
        self.refresh()

    def cancel(self) -> None:
        """End the task early; one that runs goes on until it notices."""
        self._connection.post(self.url, json={"command": "cancel"})
        self.refresh()

    def results(self) -> Outputs[Output]:
        """Return the outputs of a task that has succeeded.

        Raises:
            TaskFailed: It has failed.
            StepOpen: It waits for an answer.
        """
        self._raise_failure()
        names = [step.id for step in self.steps if step.is_open]
        if names:
            message = f"{self!r} waits for an answer to {', '.join(map(repr, names))}"
            raise StepOpen(f"{message}: submit it, and use task.answer(step, ...)", self)
        return self.outputs

    def refresh(self) -> None:
        """Ask the runner for the status."""
        self._refresh()

    def _newest(self) -> dict[str, Any]:
        has_ended = self._status.get("status", "PENDING") != "PENDING"
        if not has_ended and not self._is_current:
            self.refresh()
        return self._status

    def _shown_by(self, show: Callable[[Task], None]) -> None:
        """Let a function look at the status without asking for a newer one."""
        self._is_current = True
        try:
            show(self)
        finally:
            self._is_current = False

    def _refresh(self, wait: int = 0, end: float | None = None) -> None:
        """Ask for the status, if it has changed.

        Args:
            wait: For how many seconds the runner may wait for a change.
            end: When to give up a runner that is away.
        """
        headers = {"Accept": "application/json"}
        if self._etag:
            headers["If-None-Match"] = self._etag
        if wait:
            headers["Prefer"] = f"wait={wait}"
        response = self._connection.get(self.url, headers, wait, end)
        if response.status_code != 304:
            self._status = task_status(response.json()) or self._status
            self._etag = response.headers.get("ETag", "")
        if wait and "Preference-Applied" not in response.headers:
            time.sleep(
                PAUSE if end is None else max(0, min(PAUSE, end - time.monotonic()))
            )

    def _is_busy(self) -> bool:
        """Whether the task goes on without an answer to a step."""
        is_asking = any(
            step.is_open and number not in self._answered
            for number, step in enumerate(self._steps(self._status))
        )
        return self._status["status"] == "PENDING" and not is_asking

    def _steps(self, status: Mapping[str, Any]) -> list[Step]:
        return [
            Step(each["stepId"], each["href"], each["uiHref"], not each.get("cleared"))
            for each in status.get("steps") or ()
        ]

    def _raise_failure(self) -> None:
        status = self._newest()
        if status["status"] in ("PENDING", "SUCCESS"):
            return
        lines = str(status.get("log") or "").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        error = TaskCancelled if status.get("state") == "cancelled" else TaskFailed
        raise error(f"{self!r}{f': {last}' if last else ''}", self)


def task_status(body: Any) -> dict[str, Any] | None:
    """Return the status of a task, if this is one."""
    return body if isinstance(body, dict) and {"status", "log"} <= body.keys() else None


def submit_form(
    connection: Connection, url: str, form: Form, values: Mapping[str, Any]
) -> Task | None:
    """Fill in a form and send it; return the task to which the answer leads, if it does.

    Args:
        connection: To the runner.
        url: What takes the form.
        form: The form.
        values: By the names of the fields of the form.
    """
    data = form.fill(values, partial(_upload_input, connection))
    try:
        with multipart(data.fields, data.files) as body:
            response = connection.post(url, body if data.files else data.fields)
    except InvalidInputs as error:
        raise InvalidInputs(error.errors, form.label) from None
    try:
        status = task_status(response.json())
    except ValueError:
        return None
    return Task(connection, response.url, status) if status else None


def upload(
    connection: Connection,
    file: FileInput,
    data_type: str,
    content_type: str | None = None,
) -> Output:
    """Upload a file.

    Args:
        connection: To the runner.
        file: The path, or an open file, which is read from its beginning.
        data_type: What the file holds.
        content_type: The mime type; guessed by the name of the file when it is left out.
    """
    fields = [("dataType", data_type)]
    if content_type:
        fields.append(("contentType", content_type))
    with multipart(fields, [("file", file)]) as body:
        return Output(connection, connection.post("files/", body).json())


def _upload_input(connection: Connection, file: FileInput, kind: DataInput) -> str:
    """Upload a file for an input, and return its URL.

    A file without a name is of the type that the input takes, if there is only one.
    """
    content_type, *others = kind.content_types or ("*",)
    is_clear = not others and "*" not in content_type and file_name(file) is None
    kept = upload(connection, file, kind.data_type, content_type if is_clear else None)
    return kept.href
