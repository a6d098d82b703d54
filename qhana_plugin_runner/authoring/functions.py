"""A function with a form, whose Celery task calls it: that of a plugin, or of a step of one."""

import inspect
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from celery import Task as CeleryTask
from celery.canvas import Signature

from ..celery import CELERY
from ..db.models.tasks import ProcessingTask
from ..tasks import save_task_error, save_task_result
from ..util.docstrings import Texts
from .errors import DeclarationError
from .parameters import make_schema, read_parameters
from .running import run

if TYPE_CHECKING:
    from .decorator import Plugin

P = ParamSpec("P")
R = TypeVar("R")


class FormFunction(Generic[P, R]):
    """A function whose arguments come from a form; a call of it is a plain call.

    Attributes:
        fn: the function.
        schema: the class of the form's schema.
        celery_task: the Celery task that calls the function.
        parameters: the parameters of the function.
        plugin: the plugin that the function belongs to.
    """

    plugin: "Plugin[Any, Any]"

    def __init__(self, function: Callable[P, R], texts: Texts, identifier: str) -> None:
        update_wrapper(self, function)
        self.fn = function
        self.parameters = read_parameters(function, texts)
        self.schema = make_schema(
            class_name(function), function.__module__, self.parameters
        )
        self.celery_task = self._make_task(f"{identifier}.{function.__name__}")

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.fn(*args, **kwargs)

    def __reduce__(self) -> str:
        return self.fn.__qualname__  # other processes import it, as they do functions

    def sent(self, row: ProcessingTask) -> str:
        """Return what the form has sent, as JSON."""
        raise NotImplementedError

    def kept(self, row: ProcessingTask) -> Mapping[str, Any]:
        """Return what is kept of the functions before this one."""
        return {}

    def start(self, task_id: int) -> None:
        """Send the messages that call the function for a task that is saved.

        In a plugin with steps, the function says what comes next: a step, or the end of the task.
        """
        work = self.celery_task.s(db_id=task_id)
        if not self.plugin.steps:
            work |= save_task_result.s(db_id=task_id)
        _send(work, task_id)

    def _make_task(self, name: str) -> CeleryTask:
        def work(_this: CeleryTask, db_id: int) -> None:
            follows = run(self, db_id)
            if self.plugin.steps:
                _send(follows, db_id)

        for each in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(work, each, getattr(self.fn, each))
        task: CeleryTask = CELERY.task(name=name, bind=True)(work)
        return task


def _send(work: Signature, task_id: int) -> None:
    """Send messages whose failure is the end of the task."""
    work.link_error(save_task_error.s(db_id=task_id))
    work.apply_async()


def class_name(function: Callable[..., Any]) -> str:
    """Return the name of a class for a function: ``KMeans`` for ``k_means``."""
    return "".join(part.capitalize() for part in function.__name__.split("_"))


def require_plain(function: Callable[..., Any]) -> None:
    """Refuse functions whose call does not do the work.

    Raises:
        DeclarationError: it is a generator function or a coroutine function.
    """
    if not inspect.isfunction(function):
        raise DeclarationError(f"{function!r} is not a function: decorate a `def`")
    name = function.__name__
    if inspect.isgeneratorfunction(function):
        raise DeclarationError(
            f"{name}: a function with `yield` does nothing when called: return a dictionary of "
            "what it yields, or save each value with `task.save(...)`"
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError(
            f"{name}: an `async` function does nothing when called: write `def`, with "
            "`asyncio.run(...)` in it"
        )
