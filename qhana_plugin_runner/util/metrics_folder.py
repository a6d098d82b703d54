"""The folder in which the processes of a service keep their metrics, so that each can show all.

This is what prometheus_client calls its multiprocess mode. What a process has counted still counts
when it has ended, so its files stay. They are taken over by the next process: there are never
more of them than processes at a time, however often the pool of a worker renews its own.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder, for prometheus_client, too."""

_PREFIX = "qhana-metrics-"

_STARTING_SECONDS = 60.0
"""For so long a folder may be there without a lock: it was just made."""

_slot: str | None = None


def _forget_slot() -> None:
    global _slot
    _slot = None


os.register_at_fork(after_in_child=_forget_slot)


def provide_folder() -> None:
    """Make a folder for this process and those that it forks, unless the environment names one.

    It is removed when this process ends, or else by the next that makes one.
    """
    given = os.environ.get(VARIABLE)
    if given and not Path(given).name.startswith(_PREFIX):
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        _remove_abandoned(folder)
    own = tempfile.mkdtemp(prefix=_PREFIX)
    # Held until the last of the processes has ended; systemd-tmpfiles keeps its hands off, too.
    fcntl.flock(os.open(own, os.O_RDONLY), fcntl.LOCK_SH)
    os.environ[VARIABLE] = own
    atexit.register(_remove, own, os.getpid())


def process_slot() -> str:
    """Return what tells this process from all others that use the folder at the same time."""
    global _slot
    if _slot is None:
        _slot = _take_slot(Path(os.environ[VARIABLE]))
    return _slot


def _take_slot(folder: Path) -> str:
    """Lock the first file that no living process has locked; a fork does not inherit this lock.

    Where files cannot be locked, as on some network drives, each process gets files of its own.
    """
    for number in count():
        path = folder / f"{number}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # another process has it
            os.close(descriptor)
        except OSError:
            os.close(descriptor)
            return f"pid-{os.getpid()}"
        else:
            return str(number)  # the file stays open until the process ends
    raise AssertionError


def _remove_abandoned(folder: Path) -> None:
    with suppress(OSError):  # it belongs to somebody else, or is gone
        if time.time() - folder.stat().st_mtime < _STARTING_SECONDS:
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        finally:
            os.close(descriptor)


def _remove(folder: str, maker: int) -> None:
    if os.getpid() == maker:  # a fork has inherited the call
        shutil.rmtree(folder, ignore_errors=True)
