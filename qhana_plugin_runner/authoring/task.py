"""What the function of a plugin can do with its task."""

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from .errors import TaskCancelled

T = TypeVar("T")


class Task:
    """The task that a function works for; an argument of it with this annotation.

    The runner gives the function a task that it keeps. ``Task()`` makes one for calls of the
    function in tests and notebooks: it keeps in memory what the function does with it.

    Attributes:
        id: the id of the task's row; 0 without a runner.
        data: what lives from step to step: any values that JSON can hold.
        secrets: the secrets that the forms so far have asked for, by parameter.
        lines: without a runner: what was logged.
        saved: without a runner: what was saved, by name.
    """

    id: int = 0

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.secrets: dict[str, str] = {}
        self.lines: list[str] = []
        self.saved: dict[str, Any] = {}
        self._folder: Path | None = None
        self._cancelled = False

    @property
    def folder(self) -> Path:
        """A folder for the files of this run; it is removed when the function is done."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="qhana-task-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    @property
    def cancelled(self) -> bool:
        """Whether the user has cancelled the task; for loops without :meth:`track`.

        Without a runner a test may set it.
        """
        return self._cancelled

    @cancelled.setter
    def cancelled(self, value: bool) -> None:
        self._cancelled = value

    def log(self, text: str) -> None:
        """Append a line to the log of the task; users see it at once."""
        self.lines.append(text)

    def track(
        self, items: Iterable[T], *, total: float | None = None, unit: str = ""
    ) -> Iterator[T]:
        """Iterate over items, and let the task show how many of them are done.

        Args:
            items: anything that can be iterated over.
            total: how many there are; without it, and without a length, they are counted.
            unit: what these are, for people.

        Raises:
            TaskCancelled: the user has cancelled the task.
        """
        for item in items:
            self._stop_if_cancelled()
            yield item

    def set_progress(
        self, value: float, *, start: float = 0, target: float = 100, unit: str = "%"
    ) -> None:
        """Set the progress of the task: ``value`` between ``start`` and ``target``.

        Raises:
            TaskCancelled: the user has cancelled the task.
        """
        self._stop_if_cancelled()

    def _stop_if_cancelled(self) -> None:
        if self.cancelled:
            raise TaskCancelled

    def save(
        self,
        name: str,
        value: Any,
        *,
        data_type: str | None = None,
        content_type: str | None = None,
    ) -> None:
        """Save an output before the function is done.

        Args:
            name: one of the plugin's ``outputs``, or a new name with its data type.
            value: as the function could return it.
            data_type: by default what ``outputs`` declares.
            content_type: by default what ``outputs`` declares.

        Raises:
            OutputError: the value cannot be saved as this output.
        """
        self.saved[name] = value
