"""Loads plugins from git repositories into one plugin folder.

The clones are in its folder ``.clones``, which plugin discovery skips. Each plugin in them is linked
into the plugin folder: a repository may hold one plugin or many, at its root or deeper.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

from ...errors import RunnerError
from .clone import GitError, update_clone
from .source import GitSource, read_sources

_CLONES = ".clones"

# Often beside plugins in repositories, and not to be imported as plugins.
_NOT_PLUGINS = {"setup.py", "conftest.py", "tests"}


@dataclass
class Loaded:
    """The result of loading.

    Attributes:
        plugins: the source of each plugin, by the name of its file or folder.
        errors: one line for each source or plugin that failed, with cause and fix.
    """

    plugins: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def load_git_plugins(text: str, folder: Path) -> Loaded:
    """Clone or update the listed repositories and link their plugins into a folder.

    Plugins of sources that are no longer listed are removed. A source that cannot be reached
    keeps its plugins and does not affect other sources.

    Args:
        text: lines ``git+<url>[@ref][#subdirectory=dir]``; see :class:`GitSource`.
        folder: the plugin folder, created when it does not exist.

    Raises:
        RunnerError: the folder cannot be written.
    """
    loaded = Loaded()
    sources = read_sources(text, loaded.errors)
    can_update = not sources or shutil.which("git") is not None
    if not can_update:
        loaded.errors.append(
            "git is missing but needed for GIT_PLUGINS: install it (apt-get install git)"
        )
    try:
        with _locked(folder / _CLONES):
            wanted: dict[str, Path] = {}
            updated: set[Path] = set()
            for source in sources:
                # Each ref has its own clone.
                identity = hashlib.sha256(
                    f"{source.url}\n{source.ref}".encode()
                ).hexdigest()
                clone = folder / _CLONES / f"{source.name}-{identity[:12]}"
                try:
                    if can_update and clone not in updated:
                        update_clone(clone, source)
                        updated.add(clone)
                except GitError as error:
                    loaded.errors.append(f"{source.where}: {error}")
                if clone.is_dir():
                    _choose(source, clone, wanted, loaded)
            _link(folder, wanted, loaded)
    except OSError as error:
        raise RunnerError(
            f"the folder {folder} cannot be written ({error.strerror or error}): change its "
            "permissions, or set GIT_PLUGINS_FOLDER to another one"
        ) from error
    return loaded


@contextmanager
def _locked(clones: Path) -> Iterator[None]:
    """Hold the lock of a folder, which server and worker may share."""
    clones.mkdir(parents=True, exist_ok=True)
    with (clones / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _choose(
    source: GitSource, clone: Path, wanted: dict[str, Path], loaded: Loaded
) -> None:
    """Add the plugins of a source to those that will be linked."""
    root = Path(os.path.realpath(clone))
    place = Path(os.path.realpath(root / source.subdirectory))
    if not place.is_relative_to(root) or not place.is_dir():
        loaded.errors.append(
            f"{source.where}: the repository has no folder {source.subdirectory!r}: correct "
            "#subdirectory="
        )
        return
    name = place.name if place != root else source.name
    found = _plugins_in(place, name)
    is_plugin = place in found.values()
    folders = _folders_in(place) if source.subdirectory and not is_plugin else {}
    if not found and not folders:
        loaded.errors.append(
            f"{source.where}: it contains no plugin: name the folder of the plugins with "
            "#subdirectory="
        )
    for name, path in {**found, **folders}.items():
        if path not in wanted.values():
            name = _free_name(name, wanted)
            wanted[name] = path
            loaded.plugins[name] = source.where


def _free_name(name: str, taken: Container[str]) -> str:
    """Return a free name for a plugin, with a number if the name is taken.

    >>> _free_name("plot.py", {"plot.py", "plot__2.py"}), _free_name("plot", {"plot"})
    ('plot__3.py', 'plot__2')
    """
    stem, ending = (name[:-3], ".py") if name.endswith(".py") else (name, "")
    numbered = (f"{stem}__{number}{ending}" for number in count(2))
    return next(each for each in chain([name], numbered) if each not in taken)


def _plugins_in(place: Path, name: str) -> dict[str, Path]:
    """Return the plugins that discovery finds in a folder, by file or folder name.

    Args:
        place: the folder.
        name: the name of the folder if it is a plugin itself.
    """
    if (place / "__init__.py").is_file():
        return {name: place}
    return {
        entry.name: entry
        for entry in _entries_of(place)
        if (entry.suffix == ".py" and entry.is_file())
        or (entry / "__init__.py").is_file()
    }


def _folders_in(place: Path) -> dict[str, Path]:
    """Return folders that are no plugins but hold modules: PLUGIN_FOLDERS may name those below."""
    return {
        entry.name: entry
        for entry in _entries_of(place)
        if entry.is_dir()
        and not (entry / "__init__.py").is_file()
        and any(entry.rglob("*.py"))
    }


def _entries_of(place: Path) -> list[Path]:
    return [
        entry
        for entry in sorted(place.iterdir())
        if not entry.name.startswith((".", "test_")) and entry.name not in _NOT_PLUGINS
    ]


def _link(folder: Path, wanted: dict[str, Path], loaded: Loaded) -> None:
    """Create the wanted links and remove our other links from the folder."""
    clones = Path(os.path.realpath(folder / _CLONES))
    for entry in list(folder.iterdir()):
        if entry.is_symlink() and clones in Path(os.path.realpath(entry)).parents:
            if wanted.get(entry.name) != Path(os.path.realpath(entry)):
                entry.unlink()
    for name, path in wanted.items():
        link = folder / name
        if link.is_symlink() and Path(os.path.realpath(link)) == path:
            continue
        if os.path.lexists(link):
            where = loaded.plugins.pop(name)
            loaded.errors.append(
                f"{where}: the plugin {name} is skipped because {link} exists already: "
                "remove or rename it"
            )
            continue
        # Relative, so that the folder can be mounted elsewhere.
        link.symlink_to(os.path.relpath(path, os.path.realpath(folder)))
