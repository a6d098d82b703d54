"""Notices when source files change, for development."""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

_INTERVAL_SECONDS = 1.0

_SUFFIXES = (".py", ".html")
"""Of source files: plugins may write others where they are."""


def source_state(folders: Iterable[Path]) -> dict[Path, int]:
    """Return all Python files and templates in folders with the time of their last change."""
    state = {}
    for folder in folders:
        for place, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if not name.startswith((".", "__"))]
            for name in names:
                path = Path(place, name)
                try:
                    if path.suffix in _SUFFIXES:
                        state[path] = path.stat().st_mtime_ns
                except OSError:
                    continue  # removed since it was listed, or a link to nothing
    return state


async def changes(folders: Sequence[Path]) -> AsyncIterator[None]:
    """Yield each time that source files have changed, once they no longer do."""
    handled = before = source_state(folders)
    while True:
        await asyncio.sleep(_INTERVAL_SECONDS)
        now = await asyncio.to_thread(source_state, folders)
        if now == before != handled:
            handled = now
            yield
        before = now


def run_and_watch(
    command: Sequence[str],
    folders: Sequence[Path],
    pause: Callable[[], None] = lambda: time.sleep(_INTERVAL_SECONDS),
) -> int:
    """Run a command until it ends by itself, restarting it after each change.

    Args:
        command: program and arguments; it is stopped with SIGTERM
        folders: where the source files are
        pause: called between two looks at the files

    Returns:
        the command's exit status
    """
    while True:
        state = source_state(folders)
        process = subprocess.Popen(command)
        try:
            while process.poll() is None and source_state(folders) == state:
                pause()
            if process.returncode is not None:
                return process.returncode
            print("source files have changed: restarting", flush=True)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()
