"""What all shims share: their table, reversible patches, and warnings that name the plugin."""

import functools
import logging
import os
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NamedTuple, Protocol

from ..library_folders import is_authors_code
from ..log_once import is_first_to_log

_LOGGER = logging.getLogger("qhana_plugin_runner.util.compat")
_ABSENT: Any = object()


class PluginCompatWarning(DeprecationWarning):
    """A plugin uses an API that current libraries have removed.

    It is a ``DeprecationWarning`` so that pytest shows it to the plugin's author while operators
    find it in the log only.
    """


class Place(NamedTuple):
    """A line of a plugin's code.

    Attributes:
        plugin: name of the plugin's module.
        file: path of the source file.
        line: line number in the file.
    """

    plugin: str
    file: str
    line: int


class Warn(Protocol):
    """Called by a shim when a plugin uses it; finds the plugin on the stack unless given."""

    def __call__(self, detail: str = "", place: Place | None = None) -> None: ...


@dataclass(frozen=True)
class Shim:
    """Serves one removed API.

    Attributes:
        name: identifies the shim in warnings and documentation.
        library: the library whose change is bridged, with the version that had the API.
        serves: what the plugin does, a noun phrase without a full stop.
        advice: what to write instead, an imperative without a full stop.
        install: patches the library.
    """

    name: str
    library: str
    serves: str
    advice: str
    install: "Callable[[Patches, Warn], None]"


SHIMS: list[Shim] = []
"""All shims in the order in which they are installed."""


def shim(
    name: str, library: str, serves: str, advice: str
) -> "Callable[[Callable[[Patches, Warn], None]], Shim]":
    """Add a shim to the table; the decorated function installs it."""

    def register(install: "Callable[[Patches, Warn], None]") -> Shim:
        entry = Shim(name, library, serves, advice, install)
        SHIMS.append(entry)
        return entry

    return register


class Patches(ExitStack):
    """Reversible changes to libraries; closing restores everything, latest change first."""

    def attribute(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of a class or module."""
        # vars() and not getattr(): descriptors must come back as they were, and what a class
        # inherits must not become its own.
        before = vars(owner).get(name, _ABSENT)
        if before is _ABSENT:
            self.callback(delattr, owner, name)
        else:
            self.callback(setattr, owner, name, before)
        setattr(owner, name, value)

    def wrap(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
        """Replace a function by ``wrapper``, which gets the replaced one as first argument."""
        replaced = vars(owner)[name]

        @functools.wraps(replaced)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return wrapper(replaced, *args, **kwargs)

        self.attribute(owner, name, wrapped)

    def names(self, module: ModuleType, names: Mapping[str, Any], warn: Warn) -> None:
        """Offer names that a module has lost; names that it still has are not replaced."""
        inherited: Callable[[str], Any] | None = vars(module).get("__getattr__")

        def lookup(name: str) -> Any:
            if name in names:
                warn(f"{module.__name__}.{name}")
                return names[name]
            if inherited is not None:
                return inherited(name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        self.attribute(module, "__getattr__", lookup)


class UsedShim(NamedTuple):
    """A shim that a plugin used in this process.

    Attributes:
        plugin: name of the plugin's module.
        shim: name of the shim.
        message: says what the plugin does and what to write instead.
        file: source file that uses the removed API.
        line: line number in the file.
    """

    plugin: str
    shim: str
    message: str
    file: str
    line: int


_lock = threading.Lock()
_used: dict[tuple[str, str], UsedShim] = {}
_is_summarizing = False
_roots: dict[Path, str] = {}


def register_plugin_root(path: str | os.PathLike[str], name: str) -> None:
    """Name the plugin whose code is the file ``path`` or lies in the folder ``path``.

    Code outside of all registered paths is named by its top-level module.
    """
    with _lock:
        _roots[Path(path).resolve()] = name
        _plugin_name.cache_clear()


def forget_warnings() -> None:
    """Warn all plugins again."""
    with _lock:
        _used.clear()


def warn(shim: Shim, detail: str = "", place: Place | None = None) -> None:
    """Warn about the use of a shim, once per plugin.

    Args:
        shim: the shim that is used.
        detail: the keyword, name or field that is used.
        place: where, for shims that act while no code of the plugin is running.
    """
    place = place or place_on_stack()
    with _lock:
        if (place.plugin, shim.name) in _used:
            return
        shown = f" ({detail})" if detail else ""
        message = (
            f"Plugin {place.plugin} relies on {shim.library}: {shim.serves}{shown}. "
            f"A compatibility shim serves it; {shim.advice}. [{shim.name}]"
        )
        used = UsedShim(place.plugin, shim.name, message, place.file, place.line)
        _used[place.plugin, shim.name] = used
    if not _is_summarizing and is_first_to_log(f"{place.file} {message}"):
        _LOGGER.warning("%s:%d: %s", place.file, place.line, message)
    warnings.warn_explicit(message, PluginCompatWarning, place.file, place.line)


def used_shims() -> list[UsedShim]:
    """Return the shims used in this process, by plugin."""
    with _lock:
        return sorted(_used.values())


@contextmanager
def log_summary() -> Iterator[None]:
    """Log one line for all shims used in the block instead of one line each."""
    global _is_summarizing
    before, _is_summarizing = set(used_shims()), True
    try:
        yield
    finally:
        _is_summarizing = False
        used = [each for each in used_shims() if each not in before]
        counts = Counter(each.shim for each in used).most_common()
        text = ", ".join(f"{name} {count}" for name, count in counts)
        plugins = len({each.plugin for each in used})
        if used and is_first_to_log(f"shims {plugins} {text}"):
            _LOGGER.warning(
                "%d plugins use APIs that libraries have removed; compatibility shims serve them "
                "(%s). The page /debug/ in debug mode shows where, and what to write instead.",
                plugins,
                text,
            )


def place_on_stack() -> Place:
    """Return the innermost line on the stack that belongs to a plugin."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        plugin = _plugin_name(file, frame.f_globals.get("__name__", ""))
        if plugin:
            return Place(plugin, file, frame.f_lineno)
        frame = frame.f_back
    return Place("<unknown>", "<unknown>", 0)


@functools.cache
def _plugin_name(file: str, module: str) -> str:
    """Return the name of the plugin that a file belongs to; empty for other code."""
    # Code without a file is generated, by dataclasses for example, or part of the import system.
    if not file or file.startswith("<"):
        return ""
    path = Path(file).resolve()
    for root in (path, *path.parents):
        if root in _roots:
            return _roots[root]
    if not is_authors_code(str(path)):
        return ""
    name = module.partition(".")[0]
    return name if name and name != "__main__" else path.stem
