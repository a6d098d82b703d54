"""How much memory a task may take in a process of its own, and what is said when it ran out."""

import os
import resource
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import RunnerError

RESERVE = 4 * 1024 * 1024
"""Bytes that are kept for telling that there are no more."""

_most: int | None = None


class OutOfMemory(RunnerError):
    """A task has needed too much memory. Celery would end the worker at a ``MemoryError``."""


def use_memory_limit(most: int | None) -> None:
    """Let tasks of this process, which runs one at a time, take so many bytes from now on."""
    global _most
    _most = most if sys.platform == "linux" else None


@contextmanager
def limited_memory() -> Iterator[None]:
    """Let a task take the bytes it may, beside what its process has already.

    The kernel counts the address space, of which libraries reserve more than they use.
    """
    if _most is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    reserve = bytearray(RESERVE)
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + _most
    limit = min([limit, *(each for each in (soft, hard) if each >= 0)])
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        del reserve
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def out_of_memory(error: MemoryError) -> OutOfMemory:
    """Return the error of a task that has raised this one."""
    if _most is None:
        return OutOfMemory(
            f"the machine has not enough memory: {error}".removesuffix(": ")
        )
    return OutOfMemory(
        f"the task needed more memory than {_most} bytes (TASK_MAX_MEMORY_BYTES)"
    )


def out_of_time(seconds: float, config: Mapping[str, Any]) -> str:
    """Return the reason for which a task has failed that ran too long."""
    is_ours = seconds == config["TASK_TIME_LIMIT_SECONDS"]
    name = "TASK_TIME_LIMIT_SECONDS" if is_ours else "time_limit of its Celery task"
    return f"Task failed: it ran longer than its time limit of {seconds} s ({name})."
