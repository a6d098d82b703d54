"""Plugins: the base class, finding them in folders, and what failed and why.

A plugin is a module or package that defines a subclass of :class:`QHAnaPluginBase`. Modules are
imported once per process, under their plain name where that name is free. Each app then
initialises and mounts every plugin of the process. Whatever a plugin does wrong costs that
plugin only: the reason is kept as a :class:`PluginFailure`, logged, and shown to people.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from flask import Blueprint, Flask, current_app
from packaging.version import Version

from ..util import compat
from ..util.versions import comparable_version
from .about import PluginAbout, plugin_identifier
from .failures import PluginError, PluginFailure
from .missing import (
    failure_of_source,
    install_command,
    log_missing,
    missing_needs,
    missing_packages,
)
from .modules import (
    PluginModule,
    find_modules,
    import_module,
    missing_modules,
    overlooked_folders,
    tasks_registered,
)

_logger = logging.getLogger(__name__)

compat.install()  # a plugin may be imported before the first app is created


class QHAnaPluginBase:
    """The base class of plugins; defining a subclass registers the plugin.

    Attributes:
        name: the plugin's name; part of its URL.
        version: a PEP 440 version, a leading ``v`` is allowed.
        description: one or two sentences for people.
        tags: words to find the plugin by.
        title: for people; by default made from the name. Only told when the plugin cannot be asked
            for its metadata, as the type.
        type: ``processing``, ``visualization``, ...
        requirements: packages without which the plugin is not served, as in
            ``requirements.txt``. One whose import fails without them may name them in
            :meth:`get_requirements` alone.
        has_api: whether the plugin has endpoints; the runner sets it when it mounts the plugin's blueprint.
        instance: the one instance of a subclass, made when the subclass is defined.
    """

    name: str
    version: str
    description: str = ""
    tags: list[str] = []
    title: str = ""
    type: str = ""
    requirements: Sequence[str] = ()
    has_api: ClassVar[bool] = False
    instance: ClassVar["QHAnaPluginBase"]

    _initialized_for: Flask | None = None

    __app__: ClassVar[Flask | None] = None
    __plugins__: ClassVar[dict[str, "QHAnaPluginBase"]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        _register_class(cls)

    def __init__(self, app: Flask | None) -> None:
        self.app = app
        if app is not None:
            _init_app_once(self, app)

    @property
    def identifier(self) -> str:
        """The identifier of this plugin; see :func:`plugin_identifier`."""
        return plugin_identifier(self.name, self.version)

    @property
    def parsed_version(self) -> Version:
        """The version for comparisons."""
        return comparable_version(self.version)

    @staticmethod
    def get_plugins() -> dict[str, "QHAnaPluginBase"]:
        """Return all plugins of this process by their identifiers."""
        return QHAnaPluginBase.__plugins__

    def init_app(self, app: Flask) -> None:
        """Set up the plugin for an app; called once for each app.

        When the class is defined while there is an app, the base ``__init__`` calls it before
        it returns.
        """

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
        if self.requirements:
            return "\n".join(self.requirements)
        raise NotImplementedError(f"the plugin {self.identifier} has no requirements")


def file_of_module(name: str) -> str:
    """Return the file of a module for people to read, or its name when it has none."""
    return getattr(sys.modules.get(name), "__file__", None) or name


def _file_of(thing: type) -> str:
    return file_of_module(thing.__module__)


_failures: dict[object, PluginFailure] = {}
"""What is wrong with modules (by file) and classes (by name) of this process.

Each app reports it, none tries again.
"""

_importing = False
"""Whether a plugin module is being imported, and what is wrong with it reported afterwards."""

_defined_in: list[str] = []
"""The module of each plugin class of this process, also of those that cannot be used."""


def _register_class(cls: type[QHAnaPluginBase]) -> None:
    """Make the instance of a plugin class and list it, or keep the reason why not."""
    key = (cls.__module__, cls.__qualname__)
    _defined_in.append(cls.__module__)
    _failures.pop(key, None)  # of a module that is loaded again
    source = (cls.__qualname__, _file_of(cls))
    for attribute in ("name", "version"):
        value = getattr(cls, attribute, None)
        if not isinstance(value, str) or not value.strip():
            text = (
                f"The class has no {attribute}, so it is taken for a base of other plugins. "
                f"To make it a plugin, give it a text as class attribute {attribute!r}."
            )
            _keep(key, PluginFailure.note(*source, "class", text))
            return
    try:
        plugin = cls(app=QHAnaPluginBase.__app__)
        identifier = plugin.identifier
    except KeyboardInterrupt:  # the operator's
        raise
    except BaseException as error:  # plugins are foreign code
        stage = "init_app" if _was_in(_init_app_once, error) else "class"
        _keep(key, PluginFailure.from_exception(*source, stage, error))
        return
    cls.instance = plugin
    known = type(QHAnaPluginBase.__plugins__.get(identifier, plugin))
    if (known.__module__, known.__qualname__) != key:  # else a module is loaded again
        cause = PluginError(
            f"The class {known.__qualname__} in {_file_of(known)!r} is not served: the later "
            f"{cls.__qualname__} in {_file_of(cls)!r} has the same name and version; change "
            "those of one"
        )
        failure = PluginFailure.from_exception(
            identifier, _file_of(known), "class", cause
        )
        _keep((known.__module__, known.__qualname__), failure)
    QHAnaPluginBase.__plugins__[identifier] = plugin


def _keep(key: object, failure: PluginFailure) -> None:
    _failures[key] = failure
    if QHAnaPluginBase.__app__ is not None and not _importing:
        failure.log(_logger)  # no app is going to do it


def _init_app_once(plugin: QHAnaPluginBase, app: Flask) -> None:
    """Set up a plugin for an app, unless its ``__init__`` did."""
    if getattr(plugin, "_initialized_for", None) is not app:
        plugin._initialized_for = app
        plugin.init_app(app)


def _was_in(function: Callable[..., object], error: BaseException) -> bool:
    """Whether an error went through a function."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_code is function.__code__ for frame, _line in frames)


class LoadedPlugins:
    """What one app knows about its plugins. ``app.extensions["qhana_plugins"]``.

    Attributes:
        mounted: the plugins that are served, by identifier.
        failures: what does not work, or is not served, and why.
    """

    def __init__(self, app: Flask, mount: Callable[[Blueprint, str], None]) -> None:
        self.mounted: dict[str, QHAnaPluginBase] = {}
        self.failures: list[PluginFailure] = []
        self._identifiers: dict[str, str] = {}
        self._app = app
        self._mount_blueprint = mount
        self._unmet = cache(_unmet)
        # A blueprint may raise when it is half registered, and Flask cannot take that back: it
        # is tried on this app first.
        self._trial = type(app)(app.import_name, static_folder=None)
        self._trial.url_map.converters = app.url_map.converters

    def plugin_of(self, endpoint: str | None) -> str | None:
        """Return the identifier of the plugin that an endpoint belongs to."""
        return self._identifiers.get((endpoint or "").partition(".")[0])

    def versions_of(self, name: str) -> list[QHAnaPluginBase]:
        """Return the mounted plugins of this name, newest first."""
        found = [plugin for plugin in self.mounted.values() if plugin.name == name]
        return sorted(found, key=lambda plugin: plugin.parsed_version, reverse=True)

    def fail(self, name: str, file: str, stage: str, error: BaseException) -> None:
        """Keep and log a failure; see :class:`PluginFailure`."""
        self._add(PluginFailure.from_exception(name, file, stage, error))

    def load(self, folders: Iterable[str | Path]) -> None:
        """Import the plugins in folders, and set up all plugins of this process."""
        files = set()
        for source in find_modules(folders):
            files.add(source.file)
            if source.file not in _failures:
                _import(source)
        for folder in overlooked_folders(folders):
            text = (
                "The folder has no __init__.py, so it is not a plugin. If it holds plugins, "
                "name it in PLUGIN_FOLDERS, too."
            )
            self._add(PluginFailure.note("", str(folder), "import", text))
        for key, failure in _failures.items():
            if not isinstance(key, Path) or key in files:
                self._add(failure)
        for _identifier, plugin in sorted(QHAnaPluginBase.__plugins__.items()):
            self._set_up(plugin)
        log_missing(self.failures)

    def _add(self, failure: PluginFailure) -> None:
        self.failures.append(failure)
        if failure.about is None:  # else one line is enough for all of them
            failure.log(_logger)

    def _set_up(self, plugin: QHAnaPluginBase) -> None:
        """Serve a plugin; what goes wrong is kept."""
        source = (plugin.identifier, _file_of(type(plugin)))
        stage = "init_app"
        try:
            needs = "\n".join(plugin.requirements)
            if needs and (packages := self._unmet(needs)):
                self._add(missing_packages(PluginAbout.of(plugin), source[1], packages))
                return
            with tasks_registered():
                plugin.app = self._app
                _init_app_once(plugin, self._app)
            stage = "blueprint"
            with tasks_registered():
                blueprint = plugin.get_api_blueprint()
            self._mount(plugin, blueprint)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if isinstance(error, ModuleNotFoundError) and (
                packages := missing_needs(plugin)
            ):
                about = PluginAbout.of(plugin)
                self._add(missing_packages(about, source[1], packages, str(error)))
            elif stage == "blueprint" and _says_there_is_none(error):
                text = (
                    "The plugin has no endpoints: get_api_blueprint() gives no blueprint."
                )
                self._add(PluginFailure.note(*source, stage, text))
            else:
                self.fail(*source, stage, error)

    def _mount(self, plugin: QHAnaPluginBase, blueprint: object) -> None:
        if not isinstance(blueprint, Blueprint):
            raise PluginError(
                f"get_api_blueprint() returned {type(blueprint).__name__}; "
                "it has to return a SecurityBlueprint"
            )
        identifier = plugin.identifier
        if odd := _NO_PART_OF_A_URL.search(identifier):
            raise PluginError(
                f"Its name or version contains {odd[0]!a}, which cannot be part of its URL: "
                "leave it out"
            )
        if blueprint.name in self._app.blueprints:
            raise PluginError(
                f"The blueprint name {blueprint.name!r} is taken; "
                "name the blueprint after the plugin's identifier"
            )
        path = f"/plugins/{identifier}/"
        routes = len(self._app.view_functions)
        # Copies: what the blueprint sets on the trial app is not on the real one when it comes.
        self._trial.config = copy(self._app.config)
        self._trial.extensions = copy(self._app.extensions)
        self._trial.register_blueprint(blueprint, url_prefix=path)
        self._mount_blueprint(blueprint, path)
        type(plugin).has_api = True
        self.mounted[identifier] = plugin
        self._identifiers[blueprint.name] = identifier
        if len(self._app.view_functions) == routes:
            raise PluginError(_why_no_routes(plugin))


def _unmet(text: str) -> list[str]:
    """Return the requirements that are not met; what reads them is loaded when there are some."""
    from .requirements.lines import unmet

    return unmet(text)


_NO_PART_OF_A_URL = re.compile(r"[/<>\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""What ends a part of a path, is a variable in a route of Flask, or cannot be shown."""


def _why_no_routes(plugin: QHAnaPluginBase) -> str:
    missing = missing_modules(type(plugin).__module__)
    if missing:
        names = ", ".join(map(repr, missing))
        command = install_command(PluginAbout.of(plugin), Path(_file_of(type(plugin))))
        reason = (
            f"the plugin has caught the error that {names} cannot be imported. `{command}` "
            "installs what it asks for in get_requirements()"
        )
    else:
        reason = (
            "the plugin seems to have caught an error while importing them, often a missing "
            "dependency"
        )
    return f"Its blueprint has no routes: {reason}"


def _says_there_is_none(error: BaseException) -> bool:
    """Whether ``get_api_blueprint`` itself raised ``NotImplementedError``, as it should.

    One from deeper inside is a fault of the plugin's code.
    """
    stack = traceback.extract_tb(error.__traceback__)
    return (
        isinstance(error, NotImplementedError) and stack[-1].name == "get_api_blueprint"
    )


def _import(source: PluginModule) -> None:
    """Import a plugin module; what goes wrong, or is missing from it, is kept."""
    global _importing
    plugins = QHAnaPluginBase.__plugins__
    known, known_failures, defined = dict(plugins), dict(_failures), len(_defined_in)
    _importing = True
    try:
        module = import_module(source)
    except KeyboardInterrupt:  # the operator's
        raise
    except BaseException as error:  # plugins are foreign code; some exit
        plugins.clear()
        plugins.update(known)
        for key in [key for key in _failures if key not in known_failures]:
            if not _failures[key].frames:  # it speaks of classes that are gone
                del _failures[key]
        _failures[source.file] = failure_of_source(
            source.file, error
        ) or PluginFailure.from_exception("", str(source.file), "import", error)
        return
    finally:
        _importing = False
    if len(_defined_in) == defined and not _holds_plugins(module):
        _failures[source.file] = PluginFailure.note(
            "",
            str(source.file),
            "import",
            "The module defines no plugin. To make it one, give it a subclass of QHAnaPluginBase.",
        )


def _holds_plugins(module: ModuleType) -> bool:
    """Whether plugin classes were defined in a module, or are named in it."""
    name = module.__name__
    return any(
        each == name or each.startswith(f"{name}.") for each in _defined_in
    ) or any(
        isinstance(each, type) and issubclass(each, QHAnaPluginBase)
        for each in vars(module).values()
        if each is not QHAnaPluginBase
    )


def register_plugins(
    app: Flask, folders: Iterable[str | Path], mount: Callable[[Blueprint, str], None]
) -> LoadedPlugins:
    """Import the plugins in folders, and set up all plugins of this process for an app.

    Args:
        folders: see ``PLUGIN_FOLDERS``.
        mount: registers a blueprint under a path of the API.
    """
    app.extensions["qhana_plugins"] = loaded = LoadedPlugins(app, mount)
    QHAnaPluginBase.__app__ = app
    with tasks_registered():  # the runner's own: a failure from here on is a plugin's
        pass
    with compat.log_summary():
        loaded.load(folders)
    return loaded


def loaded_plugins() -> LoadedPlugins:
    """Return what the current app knows of its plugins."""
    registry: LoadedPlugins = current_app.extensions["qhana_plugins"]
    return registry
