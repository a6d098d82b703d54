"""Runs a command and starts it anew when source files change, for development."""

import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

_LOOK_SECONDS = 1.0


def source_state(folders: Iterable[Path]) -> dict[Path, int]:
    """Return all Python files below the folders with the time of their last change."""
    state = {}
    for folder in folders:
        for path in folder.rglob("*.py"):
            try:
                state[path] = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue  # removed since it was listed
    return state


def run_and_watch(
    command: Sequence[str],
    folders: Sequence[Path],
    pause: Callable[[], None] = lambda: time.sleep(_LOOK_SECONDS),
) -> int:
    """Run a command until it ends by itself, starting it anew after each change.

    Args:
        command: program and arguments; it is stopped with SIGTERM
        folders: where the Python files are
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
            print("source files have changed: starting anew", flush=True)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()
