"""Plugins: the base class, finding them in folders, and what failed and why.

A plugin is a module or package that defines a subclass of :class:`QHAnaPluginBase`. Modules are
imported once per process, under their plain name where that name is free. Each app then
initialises and mounts every plugin of the process. Whatever a plugin does wrong costs that
plugin only: the reason is kept as a :class:`PluginFailure`, logged, and shown to people.
"""

import logging
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from flask import Blueprint, Flask, abort, current_app
from packaging.version import InvalidVersion, Version

from ..errors import RunnerError
from . import compat
from .plugin_failures import PluginFailure
from .plugin_modules import find_modules, import_module, tasks_registered

__all__ = [
    "PluginFailure",
    "PluginRegistry",
    "QHAnaPluginBase",
    "plugin_identifier",
    "plugin_registry",
    "register_plugins",
]

_logger = logging.getLogger(__name__)

compat.install()  # a plugin may be imported before the first app is created


def plugin_identifier(name: str, version: str) -> str:
    """Return the identifier of a plugin, ``name@version`` with dashes for dots.

    >>> plugin_identifier("hello-world", "v0.2.1")
    'hello-world@v0-2-1'
    """
    return f"{name}@{version}".replace(".", "-")


class QHAnaPluginBase:
    """The base class of plugins; defining a subclass registers the plugin.

    Attributes:
        name: the plugin's name; part of its URL.
        version: a PEP 440 version, a leading ``v`` is allowed.
        description: one or two sentences for people.
        tags: words to find the plugin by.
        has_api: whether the plugin has endpoints; the runner sets it when it mounts the plugin's blueprint.
        instance: the one instance of a subclass, made when the subclass is defined.
    """

    name: str
    version: str
    description: str = ""
    tags: list[str] = []
    has_api: ClassVar[bool] = False
    instance: ClassVar["QHAnaPluginBase"]

    __app__: ClassVar[Flask | None] = None
    __plugins__: ClassVar[dict[str, "QHAnaPluginBase"]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for attribute in ("name", "version"):
            if not isinstance(getattr(cls, attribute, None), str):
                raise PluginError(
                    f"the plugin class {cls.__qualname__} needs a text as class attribute "
                    f"{attribute!r}"
                )
        plugin = cls(QHAnaPluginBase.__app__)
        cls.instance = plugin
        known = QHAnaPluginBase.__plugins__.get(plugin.identifier)
        if known is not None and not _same_definition(type(known), cls):
            raise PluginError(
                f"the identifier {plugin.identifier!r} is taken by the plugin in "
                f"{file_of_module(type(known).__module__)}; change the name or the version of one of them"
            )
        QHAnaPluginBase.__plugins__[plugin.identifier] = plugin

    def __init__(self, app: Flask | None) -> None:
        self.app = app

    @property
    def identifier(self) -> str:
        """The identifier of this plugin; see :func:`plugin_identifier`."""
        return plugin_identifier(self.name, self.version)

    @property
    def parsed_version(self) -> Version:
        """The version for comparisons; one that PEP 440 does not know sorts before all."""
        try:
            return Version(self.version)
        except InvalidVersion:
            return Version("0.dev0")

    @staticmethod
    def get_plugins() -> dict[str, "QHAnaPluginBase"]:
        """Return all plugins of this process by their identifiers."""
        return QHAnaPluginBase.__plugins__

    def init_app(self, app: Flask) -> None:
        """Set up the plugin for an app; called once for each app that is created."""

    def get_api_blueprint(self) -> Blueprint:
        """Return the blueprint that is mounted under ``/plugins/<identifier>/``.

        Raises:
            NotImplementedError: the plugin has none.
        """
        raise NotImplementedError(f"the plugin {self.identifier} has no endpoints")

    def get_requirements(self) -> str:
        """Return what the plugin needs, as the text of a ``requirements.txt``.

        Raises:
            NotImplementedError: the plugin needs nothing.
        """
        raise NotImplementedError(f"the plugin {self.identifier} has no requirements")


class PluginError(RunnerError):
    """A plugin cannot be used as it is."""


def file_of_module(name: str) -> str:
    """Return the file of a module for people to read, or its name when it has none."""
    return getattr(sys.modules.get(name), "__file__", None) or name


def _same_definition(one: type, other: type) -> bool:
    """Whether two classes are the same class statement, executed twice (a reloaded module)."""
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)


class PluginRegistry:
    """What one app knows about its plugins. ``app.extensions["qhana_plugins"]``."""

    def __init__(self) -> None:
        self.mounted: dict[str, QHAnaPluginBase] = {}
        self.failures: list[PluginFailure] = []

    def fail(self, source: str, stage: str, error: BaseException) -> None:
        """Keep and log a failure; see :class:`PluginFailure`."""
        self.add(PluginFailure.from_exception(source, stage, error))

    def add(self, failure: PluginFailure) -> None:
        """Keep and log a failure."""
        self.failures.append(failure)
        lines = [line for frame in failure.frames for line in frame.splitlines()]
        _logger.error(
            "plugin %s failed (%s): %s\n%s%s",
            failure.source,
            failure.stage,
            failure.error,
            "".join(f"    {line}\n" for line in lines),
            failure.advice,
        )

    def versions_of(self, name: str) -> list[QHAnaPluginBase]:
        """Return the mounted plugins of this name, newest first."""
        found = [plugin for plugin in self.mounted.values() if plugin.name == name]
        return sorted(found, key=lambda plugin: plugin.parsed_version, reverse=True)


_import_failures: dict[Path, PluginFailure] = {}
"""Modules that failed to import in this process: each app reports them, none tries again."""


def _import_plugins(registry: PluginRegistry, folders: Iterable[str | Path]) -> None:
    plugins = QHAnaPluginBase.__plugins__
    for source in find_modules(folders):
        if source.file not in _import_failures:
            known = set(plugins)
            try:
                import_module(source)
            except KeyboardInterrupt:  # the operator's
                raise
            except BaseException as error:  # plugins are foreign code; some exit
                for identifier in set(plugins) - known:
                    del plugins[identifier]
                _import_failures[source.file] = PluginFailure.from_exception(
                    str(source.file), "import", error
                )
        if source.file in _import_failures:
            registry.add(_import_failures[source.file])


def register_plugins(
    app: Flask, folders: Iterable[str | Path], mount: Callable[[Blueprint, str], None]
) -> PluginRegistry:
    """Import the plugins in the folders, and set up all plugins of this process for an app.

    Parameters:
        folders: see ``PLUGIN_FOLDERS``.
        mount: registers a blueprint under a URL prefix.
    """
    registry = PluginRegistry()
    app.extensions["qhana_plugins"] = registry
    QHAnaPluginBase.__app__ = app
    with tasks_registered():  # the runner's own: a failure from here on is a plugin's
        pass
    _import_plugins(registry, folders)
    for identifier, plugin in sorted(QHAnaPluginBase.__plugins__.items()):
        source = f"{identifier} ({file_of_module(type(plugin).__module__)})"
        stage = "init_app"
        try:
            with tasks_registered():
                plugin.app = app
                plugin.init_app(app)
            stage = "blueprint"
            try:
                with tasks_registered():
                    blueprint = plugin.get_api_blueprint()
            except NotImplementedError:
                continue
            routes = len(app.view_functions)
            _mount(app, blueprint, f"/plugins/{identifier}/", mount)
            type(plugin).has_api = True
            registry.mounted[identifier] = plugin
            if len(app.view_functions) == routes:
                raise PluginError(
                    "its blueprint has no routes: the plugin seems to have caught an error "
                    "while importing them, often a missing dependency"
                )
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            registry.fail(source, stage, error)
    return registry


def _mount(
    app: Flask, blueprint: object, prefix: str, mount: Callable[[Blueprint, str], None]
) -> None:
    """Mount a blueprint completely, or so that it has no effect."""
    if not isinstance(blueprint, Blueprint):
        raise PluginError(
            f"get_api_blueprint() returned {type(blueprint).__name__}; "
            "it has to return a SecurityBlueprint"
        )
    if blueprint.name in app.blueprints:
        raise PluginError(
            f"the blueprint name {blueprint.name!r} is taken; "
            "name the blueprint after the plugin's identifier"
        )
    known_hooks = {hook: len(_hooks(app, hook)[None]) for hook in _HOOKS}
    known_handlers = {
        code: dict(found) for code, found in app.error_handler_spec[None].items()
    }
    try:
        mount(blueprint, prefix)
    except BaseException:
        for endpoint in app.view_functions:
            if _belongs_to(blueprint, endpoint):
                app.view_functions[endpoint] = _not_found
        for hook, known in known_hooks.items():
            hooks = _hooks(app, hook)
            del hooks[None][known:]
            for scope in [s for s in hooks if s and _belongs_to(blueprint, s)]:
                del hooks[scope]
        app.error_handler_spec[None] = defaultdict(dict, known_handlers)
        raise


_HOOKS = (
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
    "template_context_processors",
    "url_value_preprocessors",
    "url_default_functions",
)
"""Where Flask keeps the functions that blueprints add, by blueprint, and for the app under None."""


def _hooks(app: Flask, name: str) -> dict[str | None, list[Any]]:
    hooks: dict[str | None, list[Any]] = getattr(app, name)
    return hooks


def _belongs_to(blueprint: Blueprint, name: str) -> bool:
    return name == blueprint.name or name.startswith(f"{blueprint.name}.")


def _not_found(**_values: object) -> NoReturn:
    abort(404)


def plugin_registry() -> PluginRegistry:
    """Return what the current app knows of its plugins."""
    registry: PluginRegistry = current_app.extensions["qhana_plugins"]
    return registry
