"""The decorator that makes a plugin of a function."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ParamSpec, TypeVar

from ..api.plugin_schemas import PluginType
from ..api.util import SecurityBlueprint
from ..db.models.tasks import ProcessingTask
from ..plugins.about import PluginAbout
from ..util.docstrings import Texts, read_docstring
from ..util.plugins import QHAnaPluginBase
from .annotations import Output
from .errors import DeclarationError
from .functions import FormFunction, class_name, require_plain
from .outputs import read_outputs
from .steps import Step
from .views import add_step_views, add_views

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


def plugin(
    function: None = None,
    /,
    *,
    version: str = "",
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
        function: nothing: ``@plugin`` is written with parentheses.
        version: such as ``v1.0.0``; has to be given.
        name: part of the plugin's URL; by default the name of the function, with ``-`` for ``_``.
        title: for people; by default made from the name.
        type: what the plugin is for.
        tags: words to find the plugin by.
        outputs: the outputs by name: data types, or :class:`Output` to say more.
        requirements: packages that the plugin needs, as in ``requirements.txt``.

    Raises:
        DeclarationError: no plugin can be made of the function.
    """

    if function is not None or not version:
        raise DeclarationError(
            'a plugin needs a version: write `@plugin(version="v1.0.0")`'
        )

    def decorate(function: Callable[P, R]) -> Plugin[P, R]:
        try:
            require_plain(function)
            for keyword, given in (("tags", tags), ("requirements", requirements)):
                if isinstance(given, str):
                    raise DeclarationError(
                        f"{function.__name__}: `{keyword}` is a string: write [{given!r}]"
                    )
            texts = read_docstring(inspect.getdoc(function))
            own_name = name or function.__name__.replace("_", "-")
            about = PluginAbout(
                name=own_name,
                version=version,
                title=title or own_name.replace("-", " ").capitalize(),
                description=texts.description,
                type=type.value,
                tags=tuple(tags),
            )
            declared = read_outputs(function, outputs)
            return Plugin(function, about, declared, list(requirements), texts)
        except DeclarationError as error:
            # The line to correct is that of the plugin, not one in here.
            raise error.with_traceback(None) from None

    return decorate


class Plugin(FormFunction[P, R]):
    """A function that is a plugin; made by :func:`plugin`.

    A call of it is a plain call of the function, without a task.

    Attributes:
        blueprint: the blueprint with the endpoints; more may be added.
        plugin_class: the subclass of ``QHAnaPluginBase`` that the runner loads.
        about: what its metadata says about it.
        outputs: its outputs by name.
        steps: its steps by name.
    """

    def __init__(
        self,
        function: Callable[P, R],
        about: PluginAbout,
        outputs: dict[str, Output],
        requirements: list[str],
        texts: Texts,
    ) -> None:
        self.plugin, self.about, self.outputs = self, about, outputs
        self.steps: dict[str, Step[Any, Any]] = {}
        super().__init__(function, texts, about.identifier)
        self.blueprint = SecurityBlueprint(
            about.identifier,
            function.__module__,
            description=about.description,
            template_folder="templates",
        )
        add_views(self.blueprint, self)
        self.plugin_class = self._make_class(requirements)

    def __repr__(self) -> str:
        return f"<plugin {self.blueprint.name}>"

    def sent(self, row: ProcessingTask) -> str:
        return row.parameters or "{}"

    def step(self, *, title: str | None = None) -> Callable[[Callable[Q, S]], Step[Q, S]]:
        """Make a step of a function, for which the task of this plugin can wait.

        Args:
            title: what its page is called; by default the name of the plugin.

        Raises:
            DeclarationError: no step can be made of the function.
        """

        def decorate(function: Callable[Q, S]) -> Step[Q, S]:
            try:
                require_plain(function)
                if function.__name__ in (self.fn.__name__, *self.steps):
                    raise DeclarationError(
                        f"{function.__name__}: the plugin has another function with this name: "
                        "rename one of them"
                    )
                step = Step(self, function, title)
            except DeclarationError as error:
                raise error.with_traceback(None) from None
            self.steps[step.name] = step
            add_step_views(self.blueprint, step)
            return step

        return decorate

    def _make_class(self, requirements: list[str]) -> type[QHAnaPluginBase]:
        def get_api_blueprint(_self: QHAnaPluginBase) -> SecurityBlueprint:
            return self.blueprint

        members: dict[str, Any] = {
            "__module__": self.fn.__module__,
            "__doc__": self.fn.__doc__,
            **asdict(self.about),
            "tags": list(self.about.tags),
            "requirements": requirements,
            "get_api_blueprint": get_api_blueprint,
        }
        return type(class_name(self.fn), (QHAnaPluginBase,), members)
