"""What a plugin does while it is loaded. The watching begins before the app is made."""

import re
import socket
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

from flask import Flask

from ..celery import CELERY
from ..plugins import loading
from ..plugins.about import place_of
from ..plugins.failures import PluginFailure
from ..plugins.loading import QHAnaPluginBase
from ..plugins.requirements.plugins import collect
from .findings import Finding

IMPORT_SECONDS = 3.0
"""What an import may take of the processor's time; scikit-learn and pandas together take 2."""


class LoadWatch:
    """Watches a process while it loads the plugins of one file.

    Attributes:
        connections: where the module has connected to, and from which line
        tasks: the functions behind the names of Celery tasks, more than one when a name is taken
        seconds: of computing that the import took
        modules: the packages of which it has imported the most modules, with their number
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.connections: list[tuple[str, str]] = []
        self.tasks: dict[str, list[FunctionType]] = {}
        self.seconds, self.modules = 0.0, ""
        self._is_importing = False

    def start(self) -> None:
        """Begin; only once in a process, which nothing else is done in."""
        module = vars(loading)
        module["import_module"] = self._timed(module["import_module"])
        make: Callable[..., Any] = CELERY._task_from_fun

        def note_task(fun: FunctionType, name: str | None = None, **options: Any) -> Any:
            known = name or CELERY.gen_task_name(fun.__name__, fun.__module__)
            self.tasks.setdefault(known, []).append(fun)
            return make(fun, name, **options)

        CELERY._task_from_fun = note_task
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "socket.connect" or not self._is_importing:
            return
        connected, address = arguments
        if connected.family == socket.AF_UNIX:
            return
        line = next(
            (
                f"{frame.filename}:{frame.lineno}"
                for frame in reversed(traceback.extract_stack())
                if Path(frame.filename).is_relative_to(place_of(self.file))
            ),
            str(self.file),
        )
        host, port = address[:2]
        self.connections.append((f"{host}:{port}", line))
        raise ConnectionRefusedError("no network while plugins are imported")

    def _timed(self, import_module: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            before, began = set(sys.modules), time.process_time()
            self._is_importing = True
            try:
                return import_module(*arguments)
            finally:
                self._is_importing = False
                self.seconds += time.process_time() - began
                new = (name.partition(".")[0] for name in set(sys.modules) - before)
                counted = Counter(new).most_common(3)
                self.modules = ", ".join(f"{name}: {n}" for name, n in counted)

        return timed

    def tasks_of(self, plugin: QHAnaPluginBase) -> dict[str, list[FunctionType]]:
        """Return the Celery tasks in the module or package of a plugin."""
        top = type(plugin).__module__.partition(".")[0]
        return {
            name: functions
            for name, functions in self.tasks.items()
            if any(each.__module__.partition(".")[0] == top for each in functions)
        }


def find_in_loading(app: Flask, watch: LoadWatch) -> Iterator[Finding]:
    """Find what kept plugins from being loaded, and what should not have been done there."""
    file = str(watch.file)
    for address, line in dict(watch.connections).items():
        yield Finding.of("import-connects", file, line, address=address)
    if watch.seconds > IMPORT_SECONDS:
        details = {"seconds": f"{watch.seconds:.1f}", "modules": watch.modules}
        yield Finding.of("import-slow", file, file, **details)
    for failure in app.extensions["qhana_plugins"].failures:
        if failure.stage == "import" and watch.connections:
            continue  # it was refused the connection
        yield from _of_failure(failure)
    for owner, cause in collect(app).failures.items():
        if owner in QHAnaPluginBase.get_plugins():
            yield Finding.of("requirements-unreadable", owner, file, cause=cause)
    for name, functions in watch.tasks.items():
        if len({each.__code__ for each in functions}) > 1:
            second = functions[-1].__code__
            place = f"{second.co_filename}:{second.co_firstlineno}"
            yield Finding.of("task-name-twice", file, place, name=name)


_KINDS = {
    "import": "import-fails",
    "class": "set-up-fails",
    "init_app": "set-up-fails",
    "blueprint": "not-served",
    "documentation": "undocumented",
}


def _of_failure(failure: PluginFailure) -> Iterator[Finding]:
    owner = failure.name or failure.file
    if not failure.is_note:
        advice = str(failure.advice) or "Until then it is skipped."
        folder = str(Path(failure.file).parent)
        lines = re.findall(r'File "(.+?)", line (\d+)', "\n".join(failure.frames))
        own = [":".join(each) for each in lines if each[0].startswith(folder)]
        place = own[-1] if own else failure.file
        details = {"cause": failure.error, "advice": advice}
        yield Finding.of(_KINDS[failure.stage], owner, place, **details)
    elif failure.stage == "packages":
        details = {"cause": failure.error, "advice": str(failure.advice)}
        yield Finding.of("packages-missing", owner, failure.file, **details)
    elif failure.stage == "import" and failure.file.endswith(".py"):
        yield Finding.of("no-plugin", owner, failure.file)
    elif failure.stage == "class" and not _is_base(failure.name):
        attribute = "version" if "no version" in failure.error else "name"
        details = {"name": failure.name, "attribute": attribute}
        yield Finding.of("class-nameless", owner, failure.file, **details)
    elif failure.stage == "blueprint":
        plugin = QHAnaPluginBase.get_plugins().get(failure.name)
        if plugin is not None and type(plugin).has_api:
            yield Finding.of("no-blueprint", owner, failure.file)


def _is_base(name: str) -> bool:
    """Whether a plugin is derived from a class of this name."""
    return any(
        base.__qualname__ == name
        for plugin in QHAnaPluginBase.get_plugins().values()
        for base in type(plugin).__mro__
    )
