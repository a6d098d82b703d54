"""A temporary folder of its own for each message that runs in a process of the pool.

A task that is killed cannot remove its temporary files. With all of them in one folder, of which
the worker's main process knows the name, that process can. When the whole worker is killed, the
next one on the machine does: beside each folder there is a file that is locked as long as its
message runs. What a task that ends by itself leaves is kept: plugins hand paths of temporary files
on to later tasks.
"""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["own_folder", "remove_abandoned", "remove_folder", "use_folders"]

_PREFIX, _LOCK = "qhana-message-", ".lock"

_logger = logging.getLogger(__name__)

_place: Path | None = None


def use_folders() -> None:
    """From now on, messages that run in this process have folders of their own."""
    global _place
    _place = Path(tempfile.gettempdir())


def _folder_of(place: Path, token: str) -> Path:
    return place / f"{_PREFIX}{token}"


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; the kernel gives it up when this process is killed."""
    path = _lock_of(folder)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def own_folder(token: str) -> Iterator[None]:
    """Let :mod:`tempfile`, and the programs that are started, use the folder of a message.

    Only in processes that do one thing at a time: the folder is a global of the process.
    """
    if _place is None:
        yield
        return
    folder = _folder_of(_place, token)
    with _locked(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = before
            if variable is None:
                os.environ.pop("TMPDIR", None)
            else:
                os.environ["TMPDIR"] = variable
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def remove_folder(token: str) -> None:
    """Remove the folder of a message whose process was killed, from the main process."""
    _remove(_folder_of(Path(tempfile.gettempdir()), token))


def remove_abandoned() -> None:
    """Remove the folders of messages whose processes were killed together with their worker."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*{_LOCK}"):
        try:
            with path.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path.with_name(path.name.removesuffix(_LOCK)))
        except FileNotFoundError:
            continue  # it is done meanwhile
        except (BlockingIOError, PermissionError):
            continue  # at work, or another user's


def _remove(folder: Path) -> None:
    try:
        if folder.exists():  # the process had none yet, or had removed it
            shutil.rmtree(folder)
        _lock_of(folder).unlink(missing_ok=True)
    except OSError as error:
        _logger.warning("temporary files of a killed task stay in %s: %s", folder, error)
