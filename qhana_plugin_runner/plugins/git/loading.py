"""Plugins from git repositories, brought into one folder that is searched for plugins.

The clones are in a folder ``.clones``, which the search skips, and each plugin in them is linked
into the folder above: a repository may hold one plugin or many, at its root or deeper.
"""

import fcntl
import hashlib
import os
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

from ...errors import RunnerError
from .clone import GitError, git_is_there, update_clone
from .source import GitSource, SourceError, read_sources

__all__ = ["Loaded", "load_git_plugins"]

_CLONES = ".clones"

# What is beside plugins in many repositories, and would be run when it is taken for one.
_NO_PLUGINS = {"setup.py", "conftest.py", "tests"}


@dataclass
class Loaded:
    """What came of loading.

    Attributes:
        plugins: where each plugin comes from, by the name of its file or folder.
        errors: one line for each that could not be loaded, with cause and fix.
    """

    plugins: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def load_git_plugins(text: str, folder: Path) -> Loaded:
    """Clone or update what is listed, and link the plugins into the folder.

    Plugins of sources that are no longer listed are taken away. A source that cannot be reached
    keeps the plugins that it had, and costs no other source.

    Parameters:
        text: lines ``git+<url>[@ref][#subdirectory=dir]``; see :class:`GitSource`.
        folder: where the plugins are to be found; made when it does not exist.

    Raises:
        RunnerError: the folder cannot be written.
    """
    loaded = Loaded()
    sources: list[GitSource] = []
    for source in read_sources(text):
        if isinstance(source, SourceError):
            loaded.errors.append(str(source))
        else:
            sources.append(source)
    can_update = not sources or git_is_there()
    if not can_update:
        loaded.errors.append(
            "git is missing, and needed for GIT_PLUGINS: install it (apt-get install git)"
        )
    try:
        with _locked(folder / _CLONES):
            wanted: dict[str, Path] = {}
            updated: set[Path] = set()
            for source in sources:
                clone = folder / _CLONES / _clone_name(source)
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
            "permissions, or name another one in GIT_PLUGINS_FOLDER"
        ) from error
    return loaded


@contextmanager
def _locked(clones: Path) -> Iterator[None]:
    """Wait until no other process loads into this folder: server and worker may share it."""
    clones.mkdir(parents=True, exist_ok=True)
    with (clones / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _clone_name(source: GitSource) -> str:
    """Name the clone of a source; each ref has its own, so that both can be listed."""
    identity = hashlib.sha256(f"{source.url}\n{source.ref}".encode()).hexdigest()
    return f"{source.name}-{identity[:12]}"


def _choose(
    source: GitSource, clone: Path, wanted: dict[str, Path], loaded: Loaded
) -> None:
    """Add the plugins of a source to what is to be linked."""
    root = Path(os.path.realpath(clone))
    place = Path(os.path.realpath(root / source.subdirectory))
    if not place.is_relative_to(root) or not place.is_dir():
        loaded.errors.append(
            f"{source.where}: the repository has no folder {source.subdirectory!r}: correct "
            "what is behind #subdirectory="
        )
        return
    name = place.name if place != root else source.name
    found = _plugins_in(place, name)
    if not found:
        loaded.errors.append(
            f"{source.where}: there is no plugin in it: name the folder of the plugins with "
            "#subdirectory="
        )
    for name, path in found.items():
        if path not in wanted.values():
            name = _free_name(name, wanted)
            wanted[name] = path
            loaded.plugins[name] = source.where


def _free_name(name: str, taken: Container[str]) -> str:
    """Return a name for one more plugin: the later ones of one name get numbers.

    >>> _free_name("plot.py", {"plot.py", "plot__2.py"}), _free_name("plot", {"plot"})
    ('plot__3.py', 'plot__2')
    """
    stem, ending = (name[:-3], ".py") if name.endswith(".py") else (name, "")
    numbered = (f"{stem}__{number}{ending}" for number in count(2))
    return next(each for each in chain([name], numbered) if each not in taken)


def _plugins_in(place: Path, name: str) -> dict[str, Path]:
    """Return what the search for plugins would find in a folder, by name of file or folder.

    Parameters:
        name: what the folder is called when it is a plugin itself.
    """
    if (place / "__init__.py").is_file():
        return {name: place}
    return {
        entry.name: entry
        for entry in sorted(place.iterdir())
        if not entry.name.startswith((".", "test_"))
        and entry.name not in _NO_PLUGINS
        and (
            (entry.suffix == ".py" and entry.is_file())
            or (entry / "__init__.py").is_file()
        )
    }


def _link(folder: Path, wanted: dict[str, Path], loaded: Loaded) -> None:
    """Make the links in the folder those that are wanted; leave all that is no link of ours."""
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
                f"{where}: the plugin {name} is left out, as {link} is there already: "
                "remove or rename it"
            )
            continue
        # Relative, so that the folder can be mounted elsewhere.
        link.symlink_to(os.path.relpath(path, os.path.realpath(folder)))
