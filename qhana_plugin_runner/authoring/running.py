"""How the function of a plugin runs in a worker."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import copy_context
from copy import deepcopy
from functools import wraps
from pathlib import Path
from threading import get_ident
from time import monotonic
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from celery.canvas import Signature
from flask import current_app

from ..db import DB
from ..db.models.tasks import ProcessingTask
from ..security.secrets import reveal
from ..tasking import life_cycle
from ..tasking.temp_files import working_folder
from ..tasks import add_step, save_task_result
from ..util import strict_json
from .annotations import Kind
from .errors import OutputError
from .inputs import arguments_of
from .outputs import Ask, Outputs
from .task import Task
from .values import as_json

if TYPE_CHECKING:
    from .functions import FormFunction

P = ParamSpec("P")
T = TypeVar("T")

PAUSE = 0.2
"""Seconds between two looks whether a task is cancelled, and two writes of what is tracked."""


def _in_any_thread(
    method: Callable[Concatenate["RunningTask", P], T],
) -> Callable[Concatenate["RunningTask", P], T]:
    """Let the threads of an author call a method, each with a database session of its own."""

    @wraps(method)
    def call(self: "RunningTask", /, *args: P.args, **kwargs: P.kwargs) -> T:
        if get_ident() == self._thread:
            return method(self, *args, **kwargs)

        def with_own_session() -> T:
            with current_app.app_context():
                return method(self, *args, **kwargs)

        return self._context.copy().run(with_own_session)

    return call


class RunningTask(Task):
    """A task that has a row in the database."""

    def __init__(self, row: ProcessingTask, outputs: Outputs) -> None:
        super().__init__()
        self.id = row.id
        self._outputs = outputs
        self._looked_at = 0.0
        self._thread, self._context = get_ident(), copy_context()

    @property
    @_in_any_thread
    def folder(self) -> Path:
        return working_folder()

    @property  # type: ignore[misc]  # who runs it sets it
    @_in_any_thread
    def cancelled(self) -> bool:
        if not self._cancelled and monotonic() - self._looked_at >= PAUSE:
            self._cancelled = self.row.cancel_requested
            DB.session.commit()
            self._looked_at = monotonic()
        return self._cancelled

    @_in_any_thread
    def log(self, text: str) -> None:
        life_cycle.append_log(self.id, str(text))
        DB.session.commit()

    def track(
        self, items: Iterable[T], *, total: float | None = None, unit: str = ""
    ) -> Iterator[T]:
        if total is None:
            with suppress(TypeError):
                total = len(items)  # type: ignore[arg-type]
        show_at, done = 0.0, 0
        for item in items:
            # Items may be many and small: what is done for each of them is hardly anything.
            if self._cancelled or monotonic() >= show_at:
                # Without a total there is at least one more, as with the steps of a task.
                target = done + 1 if total is None else total
                self.set_progress(done, target=target, unit=unit)
                show_at = monotonic() + PAUSE
            yield item
            done += 1
        self.set_progress(done, target=done if total is None else total, unit=unit)

    @_in_any_thread
    def set_progress(
        self, value: float, *, start: float = 0, target: float = 100, unit: str = "%"
    ) -> None:
        self._stop_if_cancelled()
        values = {
            "progress_value": float(value),
            "progress_start": float(start),
            "progress_target": float(target),
            "progress_unit": unit,
        }
        if not life_cycle.hold(self.id, values):
            row = self.row
            for name, each in values.items():
                setattr(row, name, each)
            row.save(commit=True)

    @_in_any_thread
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
    def row(self) -> ProcessingTask:
        """The row of the task, as the session has it now."""
        row = ProcessingTask.get_by_id(self.id)
        if row is None:
            raise KeyError(f"there is no task with id {self.id!r}")
        return row


def run(function: "FormFunction[Any, Any]", task_id: int) -> Signature:
    """Call a function for a task; return what has to follow: a step, or the end of the task."""
    row = ProcessingTask.get_by_id(task_id)
    if row is None:
        raise KeyError(f"there is no task with id {task_id!r}")
    kept = function.kept(row)
    outputs = Outputs(task_id, function.plugin.outputs, kept.get("saved", ()))
    values = function.schema().loads(function.sent(row))
    task = RunningTask(row, outputs)
    task.data = deepcopy(kept.get("kept") or {})
    secrets = dict(kept.get("secrets", {}))
    secrets |= {
        each.name: values[each.name]
        for each in function.parameters
        if each.kind is Kind.SECRET
    }
    task.secrets = {name: reveal(each, task_id) for name, each in secrets.items() if each}
    # No transaction stays open while files are fetched, and the function works, maybe for hours.
    DB.session.commit()
    arguments = arguments_of(function.parameters, values, task)
    DB.session.commit()
    returned = function.fn(**arguments)
    if not isinstance(returned, Ask):
        try:
            outputs.save_returned(returned)
        except OutputError as error:
            if returned is None and function.plugin.steps:
                cure = "to ask for a step, write `return STEP.ask(...)`"
                raise OutputError(f"{error}; {cure}") from None
            raise
        return save_task_result.s(None, db_id=task_id)
    if returned.step.plugin is not function.plugin:
        raise OutputError(
            f"{returned.step!r} is not a step of this plugin: ask for one of its own"
        )
    row = task.row
    row.data = {
        "kept": _storable(task.data),
        "saved": sorted(outputs.saved),
        "secrets": secrets,
        "asked": returned.step.stored(returned),
        "before": kept,
    }
    row.save(commit=True)
    step = returned.step
    return add_step.s("", db_id=task_id, step_id=step.name, **step.hrefs(task_id))


def _storable(data: Any) -> Any:
    """Return what is kept from step to step, as it will be read back."""
    try:
        return json.loads(strict_json.dumps(data, default=as_json))
    except (TypeError, ValueError) as error:
        raise OutputError(
            f"task.data cannot be kept until the next step ({error}): put only JSON values "
            "into it, and save everything else as outputs"
        ) from error
