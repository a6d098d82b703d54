"""The modules of plugins: finding them in folders, naming them, importing them once a process."""

import importlib.util
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from celery import _state as celery_state
from celery.local import maybe_evaluate

from ..celery import CELERY
from ..util import compat
from ..util.bytecode import source_loader
from ..util.library_folders import package_folders
from ..util.log_once import is_first_to_log
from .about import module_name, place_of

_logger = logging.getLogger(__name__)

OPTIONAL_FOLDER = "./local_plugins"
"""For plugins that are tried out in debug mode: not everybody has some."""


@dataclass(frozen=True)
class PluginModule:
    """A plugin module that was found.

    Attributes:
        file: the module's file.
        name: what it is imported as.
        loaded: the module, when this process has imported the file before, under any name.
    """

    file: Path
    name: str
    loaded: ModuleType | None


def find_modules(folders: Iterable[str | Path]) -> list[PluginModule]:
    """Find the plugins in folders, and name each the same in every process of a deployment.

    A name that is used already, by another plugin or by an installed package, gets a number.
    Dots become underscores: the import system takes what is before a dot for a package.
    """
    found: dict[str, PluginModule] = {}
    packages = _package_folders()
    files = dict.fromkeys(_find_files(folders))
    modules = list(sys.modules.values()) if files else ()
    loaded = {_file_of(module): module for module in modules}
    for file in files:
        plain = name = module_name(file).replace(".", "_")
        number = 1
        while name in found or not _is_free(name, file, packages):
            number += 1
            name = f"{plain}__{number}"
        found[name] = PluginModule(file, name, loaded.get(str(file)))
    return list(found.values())


def _find_files(folders: Iterable[str | Path]) -> Iterator[Path]:
    """Yield the file of each plugin in the folders, in an order that is the same everywhere.

    A module may also be named itself.
    """
    for folder in folders:
        path = Path(os.path.realpath(folder))
        if os.path.isfile(path / "__init__.py"):
            yield path / "__init__.py"
            continue
        if path.suffix == ".py" and path.is_file():
            yield path
            continue
        try:
            entries = sorted(path.iterdir())
        except OSError as error:
            text = (
                f"the plugin folder {folder} cannot be read ({error.strerror}); create it or "
                "correct PLUGIN_FOLDERS"
            )
            if folder != OPTIONAL_FOLDER and is_first_to_log(text):
                _logger.warning("%s", text)
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.suffix == ".py" and os.path.isfile(entry):
                if not _is_for_tests(entry):
                    yield entry
            elif os.path.isfile(entry / "__init__.py"):
                yield entry / "__init__.py"


def _is_for_tests(file: Path) -> bool:
    """Whether pytest takes a module, and its source defines no plugin, whatever its name."""
    if file.name == "conftest.py":
        return True
    if not file.name.startswith("test_"):
        return False
    from .requirements.lines import RequirementsError
    from .sources import read_source

    try:
        plugins = read_source(file)
    except RequirementsError:
        return True
    return not any(each.text("name") and each.text("version") for each in plugins)


def overlooked_folders(folders: Iterable[str | Path]) -> list[Path]:
    """Return folders in plugin folders that hold modules, but are neither plugins nor searched."""
    searched = [Path(os.path.realpath(folder)) for folder in folders]
    return [
        entry
        for folder in searched
        if not os.path.isfile(folder / "__init__.py")
        for entry in _entries_of(folder)
        if not entry.name.startswith((".", "__"))
        and not os.path.isfile(entry / "__init__.py")
        and not any(each.is_relative_to(os.path.realpath(entry)) for each in searched)
        and (any(entry.glob("*.py")) or any(entry.glob("*/__init__.py")))
    ]


def _entries_of(folder: Path) -> list[Path]:
    """Return what is in a folder; of one that cannot be read, :func:`find_modules` tells."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _package_folders() -> list[str]:
    """Where packages of this deployment are, however the process was started.

    The rest of ``sys.path`` (the working directory, the folder of the script) differs between
    web server, worker and commands, and names must not.
    """
    extra = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [*package_folders(), *filter(None, extra)]


def _is_free(name: str, file: Path, packages: list[str]) -> bool:
    """Whether a plugin file can be imported under a name without hiding another module."""
    if name in sys.stdlib_module_names:
        return False
    if name in sys.modules:
        origin = _file_of(sys.modules[name])
    else:
        spec = PathFinder.find_spec(name, packages)
        if spec is None:
            return True
        origin = spec.origin
    return origin is not None and os.path.realpath(origin) == str(file)


def _file_of(module: ModuleType) -> str | None:
    # Some libraries put odd objects into sys.modules, or modules that load when looked at.
    origin = getattr(module, "__dict__", {}).get("__file__")
    return origin if isinstance(origin, str) else None


def import_module(source: PluginModule) -> ModuleType:
    """Import a plugin's file under its name, unless that was done before.

    Returns:
        the module

    Raises:
        BaseException: whatever the plugin raises; then nothing of it stays in ``sys.modules``.
    """
    if source.loaded is not None:
        sys.modules.setdefault(source.name, source.loaded)
        return source.loaded
    place = place_of(source.file)
    spec = importlib.util.spec_from_file_location(
        source.name,
        source.file,
        loader=source_loader(source.name, source.file),
        submodule_search_locations=None if place == source.file else [str(place)],
    )
    assert spec is not None and spec.loader is not None  # the file ends in .py
    compat.register_plugin_root(place, source.name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[source.name] = module
    try:
        with tasks_registered(), _noting_missing_modules(source):
            spec.loader.exec_module(module)
    except BaseException:
        for name in list(sys.modules):
            if name == source.name or name.startswith(f"{source.name}."):
                del sys.modules[name]
        raise
    return module


_missing: dict[str, list[str]] = {}
"""Modules that were not found while a plugin was imported, by the name of its module."""


def missing_modules(name: str) -> list[str]:
    """Return the modules that a plugin asked for when it was imported, and that were not found.

    When it asked for none of them, those that a library did not find.
    """
    return _missing.get(name.partition(".")[0], [])


@contextmanager
def _noting_missing_modules(source: PluginModule) -> Iterator[None]:
    noted = _LastFinder(source)
    sys.meta_path.append(noted)
    try:
        yield
    finally:
        sys.meta_path.remove(noted)
        names = noted.by_plugin or noted.by_libraries
        _missing[source.name] = list(dict.fromkeys(names))


class _LastFinder:
    """Is asked for what no other finder has found, and notes who asks."""

    def __init__(self, source: PluginModule) -> None:
        self._place = place_of(source.file)
        self.by_plugin: list[str] = []
        self.by_libraries: list[str] = []

    def find_spec(self, name: str, _path: object, _target: object = None) -> None:
        frame = sys._getframe(1)
        while frame.f_back and frame.f_code.co_filename.startswith("<frozen "):
            frame = frame.f_back
        asks = Path(os.path.realpath(frame.f_code.co_filename))
        found = self.by_plugin if asks.is_relative_to(self._place) else self.by_libraries
        found.append(name)


@contextmanager
def tasks_registered() -> Iterator[None]:
    """Register the Celery tasks that are defined inside.

    Celery itself would do so when any task is first used, for all plugins at once, and stop at
    the first that fails: the tasks after it would be missing from the worker.

    Raises:
        BaseException: whatever is wrong with a task; then Celery forgets what it has yet to
            register.
    """
    finalizers = celery_state._on_app_finalizers
    before = set(finalizers)
    try:
        yield
        while CELERY._pending:
            maybe_evaluate(CELERY._pending.popleft())
    except BaseException:
        CELERY._pending.clear()
        finalizers.intersection_update(before)
        raise
