"""Plugins: the base class, finding them in folders, and what failed and why.

A plugin is a module or package that defines a subclass of :class:`QHAnaPluginBase`. Modules are
imported once per process, under their plain name where that name is free. Each app then
initialises and mounts every plugin of the process. Whatever a plugin does wrong costs that
plugin only: the reason is kept as a :class:`PluginFailure`, logged, and shown to people.
"""

import importlib.util
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import ClassVar, NoReturn

from flask import Blueprint, Flask, abort
from packaging.version import InvalidVersion, Version

from ..errors import RunnerError
from . import compat

__all__ = [
    "PluginFailure",
    "PluginRegistry",
    "QHAnaPluginBase",
    "plugin_identifier",
    "register_plugins",
]

_logger = logging.getLogger(__name__)

compat.install()  # a plugin may be imported before the first app is created

OPTIONAL_FOLDER = "./local_plugins"
"""For plugins that are tried out in debug mode: not everybody has some."""

FAILURE_FRAMES = 3
"""How many of the last stack frames of a failure are kept: enough to see the line in the plugin
that went wrong and who called it."""


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
        has_api: whether the plugin has endpoints, and so is listed and mounted.
        instance: the one instance of a subclass, made when the subclass is defined.
    """

    name: str
    version: str
    description: str
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
                f"{_file_of(type(known))}; change the name or the version of one of them"
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


def _file_of(cls: type) -> str:
    return getattr(sys.modules.get(cls.__module__), "__file__", None) or cls.__module__


def _same_definition(one: type, other: type) -> bool:
    """Whether two classes are the same class statement, executed twice (a reloaded module)."""
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)


@dataclass(frozen=True)
class PluginFailure:
    """Why a plugin cannot be used, or not fully.

    Attributes:
        source: the plugin's file, folder or identifier.
        stage: what was being done: ``import``, ``init_app``, ``blueprint``, ``documentation``.
        error: type and text of the error, one line.
        advice: what to do about it.
        frames: the last stack frames, innermost last.
    """

    source: str
    stage: str
    error: str
    advice: str
    frames: tuple[str, ...] = ()

    @classmethod
    def from_exception(cls, source: str, stage: str, error: BaseException) -> "PluginFailure":
        frames = traceback.format_list(traceback.extract_tb(error.__traceback__))
        own = [frame.strip() for frame in frames if "importlib" not in frame]
        text = " ".join(str(error).split())
        return cls(
            source=source,
            stage=stage,
            error=f"{type(error).__name__}: {text}" if text else type(error).__name__,
            advice=_advice(error, stage),
            frames=tuple(own[-FAILURE_FRAMES:]),
        )


def _advice(error: BaseException, stage: str) -> str:
    if isinstance(error, RunnerError):
        return "The message above says what to change."
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return (
            f"Install the package that provides {package!r}; "
            "`flask install` installs what plugins ask for in get_requirements()."
        )
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        return "A plugin must not end the process: remove the call that exits."
    if isinstance(error, SyntaxError):
        return f"Correct line {error.lineno} of the file."
    if stage == "documentation":
        return (
            "The plugin is served, but missing from the API documentation: correct the "
            "schemas or docstrings of its endpoints."
        )
    return "Correct the plugin at the place named by the last frame."


class PluginRegistry:
    """What one app knows about its plugins. ``app.extensions["qhana_plugins"]``."""

    def __init__(self) -> None:
        self.mounted: dict[str, QHAnaPluginBase] = {}
        self.failures: list[PluginFailure] = []

    def fail(self, source: str, stage: str, error: BaseException) -> None:
        """Keep and log a failure."""
        failure = PluginFailure.from_exception(source, stage, error)
        self.failures.append(failure)
        _logger.error(
            "plugin %s failed (%s): %s\n%s%s",
            failure.source,
            failure.stage,
            failure.error,
            "".join(f"    {line}\n" for frame in failure.frames for line in frame.splitlines()),
            failure.advice,
        )

    def versions_of(self, name: str) -> list[QHAnaPluginBase]:
        """Return the mounted plugins of this name, newest first."""
        found = [plugin for plugin in self.mounted.values() if plugin.name == name]
        return sorted(found, key=lambda plugin: plugin.parsed_version, reverse=True)


@dataclass(frozen=True)
class _Source:
    """A plugin module that was found: its file and the name it is imported under."""

    file: Path
    module_name: str


_import_failures: dict[Path, BaseException] = {}
"""Modules that failed to import in this process: each app reports them, none tries again."""


def _find_files(folders: Iterable[str | Path]) -> Iterator[Path]:
    """Yield the file of each plugin in the folders, in an order that is the same everywhere."""
    for folder in folders:
        path = Path(folder).resolve()
        if (path / "__init__.py").is_file():
            yield path / "__init__.py"
            continue
        if not path.is_dir():
            if folder != OPTIONAL_FOLDER:
                _logger.warning(
                    "the plugin folder %s does not exist; create it or correct PLUGIN_FOLDERS",
                    folder,
                )
            continue
        for entry in sorted(path.iterdir()):
            if entry.name.startswith("."):
                continue
            if entry.suffix == ".py" and entry.is_file():
                yield entry
            elif (entry / "__init__.py").is_file():
                yield entry / "__init__.py"


def _find_sources(folders: Iterable[str | Path]) -> list[_Source]:
    """Give each plugin file a module name, the same one in every process of a deployment.

    A name that is used already, by another plugin or by anything else that can be imported,
    gets a number.
    """
    sources: list[_Source] = []
    taken: set[str] = set()
    for file in dict.fromkeys(_find_files(folders)):
        plain = file.parent.name if file.name == "__init__.py" else file.stem
        name, number = plain, 1
        while name in taken or not _is_free(name, file):
            number += 1
            name = f"{plain}__{number}"
        taken.add(name)
        sources.append(_Source(file, name))
    return sources


def _is_free(name: str, file: Path) -> bool:
    """Whether a plugin file can be imported under a name without hiding another module."""
    if name in sys.stdlib_module_names:
        return False
    loaded = sys.modules.get(name)
    if loaded is not None:
        return getattr(loaded, "__file__", None) == str(file)
    spec = PathFinder.find_spec(name)
    # Folders without __init__.py are found as well; nobody imports those by accident.
    return spec is None or spec.origin is None or Path(spec.origin).resolve() == file


def _import_module(source: _Source) -> ModuleType:
    """Import a plugin's file under its name, unless that was done before."""
    loaded = sys.modules.get(source.module_name)
    if loaded is not None:
        return loaded
    spec = importlib.util.spec_from_file_location(
        source.module_name,
        source.file,
        submodule_search_locations=(
            [str(source.file.parent)] if source.file.name == "__init__.py" else None
        ),
    )
    assert spec is not None and spec.loader is not None  # the file ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[source.module_name] = module
    known = set(QHAnaPluginBase.__plugins__)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for name in list(sys.modules):
            if name == source.module_name or name.startswith(f"{source.module_name}."):
                del sys.modules[name]
        for identifier in set(QHAnaPluginBase.__plugins__) - known:
            del QHAnaPluginBase.__plugins__[identifier]
        raise
    return module


def _import_plugins(registry: PluginRegistry, folders: Iterable[str | Path]) -> None:
    for source in _find_sources(folders):
        if source.file not in _import_failures:
            try:
                _import_module(source)
            except KeyboardInterrupt:  # the operator's
                raise
            except BaseException as error:  # plugins are foreign code; some exit
                _import_failures[source.file] = error
        if source.file in _import_failures:
            registry.fail(str(source.file), "import", _import_failures[source.file])


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
    _import_plugins(registry, folders)
    for identifier, plugin in sorted(QHAnaPluginBase.__plugins__.items()):
        source = f"{identifier} ({_file_of(type(plugin))})"
        stage = "init_app"
        try:
            plugin.app = app
            plugin.init_app(app)
            if not plugin.has_api:
                continue
            stage = "blueprint"
            try:
                blueprint = plugin.get_api_blueprint()
            except NotImplementedError:
                continue
            _mount(app, blueprint, f"/plugins/{identifier}/", mount)
            registry.mounted[identifier] = plugin
            if not blueprint.deferred_functions:
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
    """Mount a blueprint completely, or so that none of its routes answers."""
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
    try:
        mount(blueprint, prefix)
    except BaseException:
        for endpoint in app.view_functions:
            if endpoint.startswith(f"{blueprint.name}."):
                app.view_functions[endpoint] = _not_found
        raise


def _not_found(**_values: object) -> NoReturn:
    abort(404)
