"""Notices when source files change, for development."""

import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

_DEBOUNCE, _STEP = 300, 50
"""Milliseconds: a change is told when there was no other one for the second, and after the first
in any case."""

_LOOK = 1000
"""Milliseconds between two looks whether there is something else to do than to wait."""


def is_source(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a file is one that processes load once: plugins may write others where they are.

    Templates and static files are read again when they have changed.

    Args:
        path: the file
        folders: where source files are
    """
    if path.suffix != ".py" and not path.match("requirements*.txt"):
        return False
    for folder in folders:
        if path.is_relative_to(folder):
            *inner, name = path.relative_to(folder).parts
            hidden = any(each.startswith((".", "__")) for each in inner)
            return not (hidden or name.startswith("."))  # editors keep locks beside files
    return False


def _is_change(change: Any, path: Path, folders: Sequence[Path]) -> bool:
    """Whether something that happened to a path is a change of source files.

    What comes with a new folder may have been there before the folder was watched.
    """
    if is_source(path, folders):
        return True
    is_new_folder = change.name == "added" and path.is_dir()
    return is_new_folder and any(is_source(each, folders) for each in path.rglob("*.*"))


async def changes(folders: Sequence[Path]) -> AsyncIterator[str]:
    """Yield the names of source files each time that some have changed.

    Folders that are not there are waited for.
    """
    from watchfiles import awatch

    while True:
        there = _existing(folders)
        async with aclosing(awatch(*there, **_options(there))) as all_found:
            async for found in all_found:
                if found:
                    yield ", ".join(sorted({Path(path).name for _change, path in found}))
                elif there != _existing(folders):
                    break
        yield "folders of plugins"


def run_and_watch(
    command: Sequence[str],
    folders: Sequence[Path],
    on_start: Callable[[], None] = lambda: None,
) -> int:
    """Run a command until it ends by itself, restarting it after each change.

    Args:
        command: program and arguments; it is stopped with SIGTERM
        folders: where the source files are
        on_start: called each time that the command was started

    Returns:
        the command's exit status
    """
    from watchfiles import watch

    there = _existing(folders)
    found = watch(*there, **_options(there))
    next(found)  # from now on nothing is missed
    while True:
        process = subprocess.Popen(command)
        try:
            on_start()
            while process.poll() is None and not next(found):
                pass
            if process.returncode is not None:
                return process.returncode
            print("source files have changed: restarting", flush=True)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()


def _existing(folders: Iterable[Path]) -> list[Path]:
    return [Path(os.path.realpath(folder)) for folder in folders if folder.is_dir()]


def _options(folders: Sequence[Path]) -> dict[str, Any]:
    return {
        "watch_filter": lambda change, path: _is_change(change, Path(path), folders),
        "debounce": _DEBOUNCE,
        "step": _STEP,
        "rust_timeout": _LOOK,
        "yield_on_timeout": True,
        "ignore_permission_denied": True,
    }
