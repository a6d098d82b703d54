"""Folders of its own for each message that a worker runs: one for temporary files, one to work in.

The working folder (``work`` in the other one) is the working directory of the process where a
process does one thing at a time, and is removed with the end of the message. Where tasks share a
process it is made when a task asks for it.

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
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from threading import Lock
from uuid import uuid4

from ..errors import RunnerError

_PREFIX, _LOCK, _WORK = "qhana-message-", ".lock", "work"

_logger = logging.getLogger(__name__)

_place: Path | None = None
_changes_directory = False
_left: list[Path] = []

_make_work: ContextVar[Callable[[], Path] | None] = ContextVar("make_work", default=None)


def use_folders(change_directory: bool = False) -> None:
    """From now on, messages that run in this process, one at a time, have folders of their own.

    Args:
        change_directory: whether the working folder is the working directory, too
    """
    global _place, _changes_directory
    _place, _changes_directory = Path(tempfile.gettempdir()), change_directory
    # What is imported while another directory is the current one is looked for where it was.
    sys.path[:] = map(os.path.abspath, sys.path)


def working_folder() -> Path:
    """Return the folder of the running task, an empty one at first.

    It is removed, with all that is in it, when the Celery task ends.

    Raises:
        RunnerError: no task runs here.
    """
    make_work = _make_work.get()
    if make_work is None:
        raise RunnerError("only a task that runs has a working folder")
    return make_work()


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
def own_folder(token: str | None) -> Iterator[None]:
    """Let a message have its folders.

    In a process that does one thing at a time, :mod:`tempfile` uses the one, and so do programs
    that are started; the other is the working directory. Both are global to the process.

    Args:
        token: names the message; ``None`` for a task that is called, by another one perhaps, whose
            working folder it shares
    """
    if token is None and _make_work.get() is not None:
        yield
        return
    remove_left()
    with ExitStack() as stack:
        place = _place or Path(tempfile.gettempdir())
        made = cache(lambda: stack.enter_context(_made(place, token or uuid4().hex)))
        make_work = _once(lambda: stack.enter_context(_working_in(made())))
        stack.callback(_make_work.reset, _make_work.set(make_work))
        if _place is not None and token is not None:
            stack.enter_context(_temporary_files_in(made()))
            if _changes_directory:
                stack.callback(_change_to, _directory())
                _change_to(make_work())
        yield


def _once(make: Callable[[], Path]) -> Callable[[], Path]:
    """Let one thread make what several may ask for at the same time."""
    cached, lock = cache(make), Lock()

    def made() -> Path:
        with lock:
            return cached()

    return made


def _directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "/"  # a new version of the runner has replaced it


def _change_to(directory: str | Path) -> None:
    try:
        os.chdir(directory)
    except FileNotFoundError:
        os.chdir("/")


@contextmanager
def _made(place: Path, token: str) -> Iterator[Path]:
    folder = _folder_of(place, token)
    with _locked(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            yield folder
        finally:
            with suppress(OSError):
                folder.rmdir()  # unless temporary files are in it


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
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


@contextmanager
def _working_in(folder: Path) -> Iterator[Path]:
    work = folder / _WORK
    work.mkdir(exist_ok=True)
    try:
        yield work
    finally:
        try:
            _remove_folder(work)
        except FileNotFoundError:
            pass  # the task has removed it
        except OSError:
            _left.append(work)  # a process that the task has left still writes


def _remove_folder(folder: Path) -> None:
    try:
        folder.rmdir()  # most tasks leave nothing, and this is one call
    except OSError:
        _remove_tree(folder)


def _remove_tree(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except PermissionError:  # the task has made folders that nobody may write to
        folder.chmod(0o700)
        for parent, names, _files in os.walk(folder):
            for path in (Path(parent, name) for name in names):
                if not path.is_symlink():
                    path.chmod(0o700)
        shutil.rmtree(folder)


def remove_left() -> None:
    """Remove working folders that could not be removed before the processes of their tasks."""
    with suppress(IndexError):
        while True:
            _remove(work := _left.pop())
            with suppress(OSError):
                work.parent.rmdir()  # unless temporary files are in it


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
            _remove_tree(folder)
        _lock_of(folder).unlink(missing_ok=True)
    except OSError as error:
        _logger.warning("files of a task that has ended stay in %s: %s", folder, error)
