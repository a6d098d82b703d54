"""The decorator that makes a plugin of a function."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

from celery import Task as CeleryTask

from ..api.plugin_schemas import PluginType
from ..api.util import SecurityBlueprint
from ..celery import CELERY
from ..db.models.tasks import ProcessingTask
from ..tasks import save_task_error, save_task_result
from ..util.plugins import QHAnaPluginBase, plugin_identifier
from .annotations import Output
from .docstrings import read_docstring
from .errors import DeclarationError
from .outputs import Outputs, read_outputs
from .parameters import Parameter, make_schema, read_parameters
from .running import RunningTask, call
from .views import add_views

__all__ = ["Plugin", "plugin"]

P = ParamSpec("P")
R = TypeVar("R")


def plugin(
    *,
    version: str,
    name: str | None = None,
    title: str | None = None,
    type: PluginType = PluginType.processing,
    tags: Sequence[str] = (),
    outputs: Mapping[str, str | Output] | None = None,
    requirements: Sequence[str] = (),
) -> Callable[[Callable[P, R]], "Plugin[P, R]"]:
    """Make a plugin of a function.

    Write ``outputs`` and ``requirements`` as literals: they are read without importing the plugin.

    Args:
        version: such as ``v1.0.0``.
        name: part of the plugin's URL; by default the name of the function, with ``-`` for ``_``.
        title: for people; by default made from the name.
        type: what the plugin is for.
        tags: words to find the plugin by.
        outputs: the outputs by name: data types, or :class:`Output` to say more.
        requirements: packages that the plugin needs, as in ``requirements.txt``.

    Raises:
        DeclarationError: no plugin can be made of the function.
    """

    def decorate(function: Callable[P, R]) -> Plugin[P, R]:
        _require_plain(function)
        texts = read_docstring(function)
        own_name = name or function.__name__.replace("_", "-")
        about = About(
            name=own_name,
            version=version,
            title=title or own_name.replace("-", " ").capitalize(),
            type=type,
            description=texts.description,
            tags=list(tags),
        )
        return Plugin(
            function,
            about,
            read_parameters(function, texts),
            read_outputs(function, outputs),
            list(requirements),
        )

    return decorate


@dataclass(frozen=True)
class About:
    """What the metadata of a plugin says about it."""

    name: str
    version: str
    title: str
    type: PluginType
    description: str
    tags: list[str]


class Plugin(Generic[P, R]):
    """A function that is a plugin; made by :func:`plugin`.

    A call of it is a plain call of the function, without a task.

    Attributes:
        fn: the function.
        schema: the class of the form's schema.
        blueprint: the blueprint with the endpoints; more may be added.
        celery_task: the Celery task that calls the function.
        plugin_class: the subclass of ``QHAnaPluginBase`` that the runner loads.
    """

    def __init__(
        self,
        function: Callable[P, R],
        about: About,
        parameters: list[Parameter],
        outputs: dict[str, Output],
        requirements: list[str],
    ) -> None:
        update_wrapper(self, function)
        self.fn = function
        self.about, self.parameters, self.outputs = about, parameters, outputs
        module = function.__module__
        self.schema = make_schema(_class_name(function), module, parameters)
        identifier = plugin_identifier(about.name, about.version)
        self.celery_task = self._make_task(identifier)
        self.blueprint = SecurityBlueprint(
            identifier, module, description=about.description, template_folder="templates"
        )
        add_views(self.blueprint, self)
        self.plugin_class = self._make_class(requirements)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<plugin {self.blueprint.name}>"

    def start(self, task_id: int) -> None:
        """Send the chain of messages for a task that is saved."""
        chain = self.celery_task.s(db_id=task_id) | save_task_result.s(db_id=task_id)
        chain.link_error(save_task_error.s(db_id=task_id))
        chain.apply_async()

    def _make_task(self, identifier: str) -> CeleryTask:
        def work(_self: CeleryTask, db_id: int) -> None:
            self._run(db_id)

        _name_after(work, self.fn)
        name = f"{identifier}.{self.fn.__name__}"
        task: CeleryTask = CELERY.task(name=name, bind=True)(work)
        return task

    def _run(self, task_id: int) -> None:
        row = ProcessingTask.get_by_id(task_id)
        if row is None:
            raise KeyError(f"there is no task with id {task_id!r}")
        values = self.schema().loads(row.parameters or "{}")
        outputs = Outputs(task_id, self.outputs)
        task = RunningTask(row, outputs)
        try:
            outputs.save_returned(call(self.fn, self.parameters, values, task))
        finally:
            task.close()

    def _make_class(self, requirements: list[str]) -> type[QHAnaPluginBase]:
        def get_api_blueprint(_self: QHAnaPluginBase) -> SecurityBlueprint:
            return self.blueprint

        def get_requirements(_self: QHAnaPluginBase) -> str:
            return "\n".join(requirements)

        members: dict[str, Any] = {
            "__module__": self.fn.__module__,
            "__doc__": self.fn.__doc__,
            "name": self.about.name,
            "version": self.about.version,
            "description": self.about.description,
            "tags": self.about.tags,
            "get_api_blueprint": get_api_blueprint,
        }
        if requirements:
            members["get_requirements"] = get_requirements
        return type(_class_name(self.fn), (QHAnaPluginBase,), members)


def _class_name(function: Callable[..., Any]) -> str:
    """Return the name of a class for a function: ``KMeans`` for ``k_means``."""
    return "".join(part.capitalize() for part in function.__name__.split("_"))


def _name_after(work: Callable[..., Any], function: Callable[..., Any]) -> None:
    """Let a function be taken for one of the plugin's module, in logs and by Celery."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(work, name, getattr(function, name))


def _require_plain(function: Callable[..., Any]) -> None:
    """Refuse functions whose call does not do the work.

    Raises:
        DeclarationError: it is a generator function or a coroutine function.
    """
    name = getattr(function, "__name__", None)
    if not inspect.isfunction(function) or not name:
        raise DeclarationError(f"{function!r} is not a function: decorate a `def`")
    if inspect.isgeneratorfunction(function):
        raise DeclarationError(
            f"{name}: a function with `yield` does nothing when it is called: return what it "
            "yields in a dictionary, or save it with `task.save(...)` as it comes"
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError(
            f"{name}: an `async` function does nothing when it is called: write `def`, and "
            "`asyncio.run(...)` inside of it"
        )
