"""What the translations share: the habit, the reversible patch, the warning and whom it is for."""

import functools
import inspect
import logging
import os
import site
import sys
import sysconfig
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NamedTuple, Protocol

from ..said import is_said_first

_LOGGER = logging.getLogger("qhana_plugin_runner.util.compat")
_ABSENT: Any = object()


class PluginCompatWarning(DeprecationWarning):
    """A plugin does something that current libraries no longer take.

    It is a ``DeprecationWarning`` so that pytest shows it to the plugin's author while an operator,
    who can only read it, finds it in the log alone.
    """


class Met(Protocol):
    """Called by a translation whenever the habit is met."""

    def __call__(self, detail: str = "", owner: object = None) -> None: ...


@dataclass(frozen=True)
class Habit:
    """One old habit and its translation.

    :ivar name: identifies the habit in warnings and documentation
    :ivar library: the library whose change is bridged, with the version the habit comes from
    :ivar serves: what the plugin does, a noun phrase that ends no sentence
    :ivar advice: what to write instead, an imperative that ends no sentence
    :ivar translate: patches the library, and calls its second argument when the habit is met
    """

    name: str
    library: str
    serves: str
    advice: str
    translate: "Callable[[Patches, Met], None]"


#: All habits in the order in which they are installed.
HABITS: list[Habit] = []


def habit(
    name: str, library: str, serves: str, advice: str
) -> "Callable[[Callable[[Patches, Met], None]], Habit]":
    """Make the decorated function the translation of a new entry in :data:`HABITS`."""

    def register(translate: "Callable[[Patches, Met], None]") -> Habit:
        entry = Habit(name, library, serves, advice, translate)
        HABITS.append(entry)
        return entry

    return register


class Patches:
    """Changes to libraries that can be taken back."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def attribute(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of a class or module."""
        # vars() and not getattr(): descriptors must come back as they were, and what a class
        # inherits must not become its own.
        before = vars(owner).get(name, _ABSENT)
        if before is _ABSENT:
            self._undo.append(lambda: delattr(owner, name))
        else:
            self._undo.append(lambda: setattr(owner, name, before))
        setattr(owner, name, value)

    def wrap(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
        """Replace a function by ``wrapper``, which gets the replaced one as first argument."""
        replaced = vars(owner)[name]

        @functools.wraps(replaced)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return wrapper(replaced, *args, **kwargs)

        self.attribute(owner, name, wrapped)

    def names(self, module: ModuleType, names: Mapping[str, Any], met: Met) -> None:
        """Offer names that the module no longer has; those it has stay in charge."""
        inherited: Callable[[str], Any] | None = vars(module).get("__getattr__")

        def lookup(name: str) -> Any:
            if name in names:
                met(f"{module.__name__}.{name}")
                return names[name]
            if inherited is not None:
                return inherited(name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        self.attribute(module, "__getattr__", lookup)

    def module(self, name: str, names: Mapping[str, Any], met: Met) -> None:
        """Offer a module that its package no longer has."""
        if name in sys.modules:
            return
        module = ModuleType(name, f"Names of the former module {name}.")
        self.names(module, names, met)
        package, _, leaf = name.rpartition(".")
        self.attribute(sys.modules[package], leaf, module)
        sys.modules[name] = module
        self._undo.append(lambda: sys.modules.__delitem__(name))

    def undo(self) -> None:
        """Restore everything, latest change first."""
        while self._undo:
            self._undo.pop()()


class _Place(NamedTuple):
    plugin: str
    file: str
    line: int


class HabitMet(NamedTuple):
    """An old habit of a plugin that was met in this process.

    Attributes:
        plugin: the plugin's module.
        habit: the name of the habit.
        message: says what it is and what to write instead.
        file: where it was met.
        line: where it was met.
    """

    plugin: str
    habit: str
    message: str
    file: str
    line: int


_lock = threading.Lock()
_warned: dict[tuple[str, str], HabitMet] = {}
_is_collecting = False
_roots: dict[Path, str] = {}


def register_plugin_root(path: str | os.PathLike[str], name: str) -> None:
    """Name the plugin whose code is the file ``path`` or lies in the folder ``path``.

    Code of a file that belongs to no registered path is named by its top-level module.
    """
    with _lock:
        _roots[Path(path).resolve()] = name
        _plugin_name.cache_clear()


def forget_warnings() -> None:
    """Warn everyone again."""
    with _lock:
        _warned.clear()


def met(habit: Habit, detail: str = "", owner: object = None) -> None:
    """Warn a plugin about its habit, the first time only.

    :param detail: the keyword, name or field that was met
    :param owner: function or class of the plugin, for habits that show when no code of the
        plugin is running (a validator's result); otherwise the plugin is found on the stack
    """
    place = _place_of(owner) or _place_on_stack()
    shown = f" ({detail})" if detail else ""
    message = (
        f"Plugin {place.plugin} has an old habit of {habit.library}: {habit.serves}{shown}. "
        f"It is translated; {habit.advice}. [{habit.name}]"
    )
    with _lock:
        if (place.plugin, habit.name) in _warned:
            return
        found = HabitMet(place.plugin, habit.name, message, place.file, place.line)
        _warned[place.plugin, habit.name] = found
    if not _is_collecting and is_said_first(f"{place.file} {message}"):
        _LOGGER.warning("%s:%d: %s", place.file, place.line, message)
    warnings.warn_explicit(message, PluginCompatWarning, place.file, place.line)


def habits_met() -> list[HabitMet]:
    """Return what was met in this process, by plugin."""
    with _lock:
        return sorted(_warned.values())


@contextmanager
def summed_up() -> Iterator[None]:
    """Log what is met inside in a line, instead of a line for each."""
    global _is_collecting
    known, _is_collecting = set(habits_met()), True
    try:
        yield
    finally:
        _is_collecting = False
        found = [each for each in habits_met() if each not in known]
        counts = Counter(each.habit for each in found).most_common()
        text = ", ".join(f"{habit} {count}" for habit, count in counts)
        plugins = len({each.plugin for each in found})
        if found and is_said_first(f"old habits {plugins} {text}"):
            _LOGGER.warning(
                "%d plugins have old habits of libraries, which are translated (%s); the page "
                "/debug/ in debug mode says where, and what to write instead",
                plugins,
                text,
            )


def _place_on_stack() -> _Place:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        plugin = _plugin_name(file, frame.f_globals.get("__name__", ""))
        if plugin:
            return _Place(plugin, file, frame.f_lineno)
        frame = frame.f_back
    return _Place("<unknown>", "<unknown>", 0)


def _place_of(owner: object) -> _Place | None:
    if owner is None:
        return None
    module = getattr(owner, "__module__", None) or ""
    code = getattr(inspect.unwrap(owner) if callable(owner) else owner, "__code__", None)
    if code is not None:
        file, line = code.co_filename, code.co_firstlineno
    else:
        file, line = getattr(sys.modules.get(module), "__file__", None) or "", 0
    plugin = _plugin_name(file, module)
    return _Place(plugin, file, line) if plugin else None


@functools.cache
def _plugin_name(file: str, module: str) -> str:
    """The name of the plugin that a file belongs to, empty when it is none of a plugin."""
    # Code without a file is generated, by dataclasses for example, or part of the import system.
    if not file or file.startswith("<"):
        return ""
    path = Path(file).resolve()
    for root in (path, *path.parents):
        if root in _roots:
            return _roots[root]
    if any(path.is_relative_to(folder) for folder in _foreign_folders()):
        return ""
    name = module.partition(".")[0]
    return name if name and name != "__main__" else path.stem


@functools.cache
def _foreign_folders() -> tuple[Path, ...]:
    """Folders of code that is no plugin: standard library, installed packages, the runner."""
    paths = sysconfig.get_paths()
    folders = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages(), [site.getusersitepackages()])
    runner = Path(__file__).resolve().parents[2]
    return (runner, *(Path(folder).resolve() for folder in folders))
