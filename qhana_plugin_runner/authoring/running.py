"""How the function of a plugin runs in a worker."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from ..db import DB
from ..db.models.tasks import ProcessingTask
from ..tasking import life_cycle
from .errors import TaskCancelled
from .inputs import received
from .outputs import Outputs
from .parameters import Parameter
from .task import Task

__all__ = ["RunningTask", "call"]

T = TypeVar("T")

PAUSE = 0.2
"""Seconds between two looks whether a task is cancelled, and two writes of what is tracked."""


class RunningTask(Task):
    """A task that has a row in the database."""

    def __init__(self, row: ProcessingTask, outputs: Outputs) -> None:
        super().__init__()
        self.id = row.id
        self._outputs = outputs
        self._looked_at = 0.0
        self._cancelled = False

    @cached_property
    def folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"qhana-task-{self.id}-"))

    def close(self) -> None:
        """Remove the folder, if there is one."""
        if "folder" in vars(self):
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def cancelled(self) -> bool:
        if not self._cancelled and monotonic() - self._looked_at >= PAUSE:
            self._cancelled = self._row.cancel_requested
            self._looked_at = monotonic()
        return self._cancelled

    def log(self, text: str) -> None:
        life_cycle.append_log(self.id, str(text))
        DB.session.commit()

    def track(
        self, items: Iterable[T], *, total: float | None = None, unit: str = ""
    ) -> Iterator[T]:
        if total is None:
            with suppress(TypeError):
                total = len(items)  # type: ignore[arg-type]
        shown_at, done = 0.0, 0
        for item in items:
            if self.cancelled:
                raise TaskCancelled
            if total is not None and monotonic() - shown_at >= PAUSE:
                self.set_progress(done, target=total, unit=unit)
                shown_at = monotonic()
            yield item
            done += 1
        self.set_progress(done, target=done if total is None else total, unit=unit)

    def set_progress(
        self, value: float, *, start: float = 0, target: float = 100, unit: str = "%"
    ) -> None:
        row = self._row
        row.progress_value, row.progress_start = float(value), float(start)
        row.progress_target, row.progress_unit = float(target), unit
        row.save(commit=True)

    def save(
        self,
        name: str,
        value: Any,
        *,
        data_type: str | None = None,
        content_type: str | None = None,
    ) -> None:
        self._outputs.save(name, value, data_type, content_type)

    @property
    def _row(self) -> ProcessingTask:
        row = ProcessingTask.get_by_id(self.id)
        if row is None:
            raise KeyError(f"there is no task with id {self.id!r}")
        return row


def call(
    function: Callable[..., T],
    parameters: Sequence[Parameter],
    values: Mapping[str, Any],
    task: RunningTask,
) -> T:
    """Call the function of a plugin with the values of a form, which are loaded already."""
    arguments = {
        each.name: task if each.field is None else received(each, values[each.name], task)
        for each in parameters
    }
    return function(**arguments)
