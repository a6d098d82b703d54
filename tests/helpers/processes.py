"""Look at the processes of this machine."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Return whether a process runs, and is not just waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition, but fail after so many seconds.

    Looks cost the time that the others need: the longer it takes, the fewer there are.
    """
    start = time.monotonic()
    while not condition():
        passed = time.monotonic() - start
        if passed > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(min(max(0.02, passed / 5), 0.2))
