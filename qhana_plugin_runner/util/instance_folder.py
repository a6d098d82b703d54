"""The instance folder: one holder at a time, and a restore that takes place as a whole."""

import fcntl
import os
import shutil
from pathlib import Path

from ..errors import OperatorError

BROKER_FOLDER = "broker"
"""Holds the data of the embedded broker."""

LOCK_FILE = "launcher.lock"

RESTORED = ".restored"
"""A folder with all that was restored (``new``), as long as it is not in its place. The folder
``old`` in it is there until it holds all that was there before."""


class InstanceInUse(OperatorError):
    """Another process holds the lock of an instance folder."""


class InstanceLock:
    """A lock on an instance folder, held until it is closed or its holders have died.

    The first who gets it finishes a restore that was interrupted.

    Args:
        instance: the instance folder; it is made when it does not exist

    Raises:
        OperatorError: the folder cannot be made or written
        InstanceInUse: another process holds the lock
    """

    def __init__(self, instance: Path) -> None:
        path = instance / LOCK_FILE
        try:
            instance.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise OperatorError(
                f"the instance folder {instance} cannot be written ({error.strerror}): "
                "change its permissions, or choose another folder with --instance"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._file, 20).decode("ascii", "replace").strip()
            os.close(self._file)
            raise InstanceInUse(
                f"the instance folder {instance} is in use by another process "
                f"({holder or 'unknown'}): stop that one, or choose another "
                "folder with --instance"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        put_in_place(instance)

    def fileno(self) -> int:
        """Return the descriptor of the file; who inherits it holds the lock too."""
        return self._file

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._file)

    def __enter__(self) -> "InstanceLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def put_in_place(instance: Path) -> None:
    """Let what was restored take the place of all that is in the folder.

    Killed in between, it goes on with the next call: each step is one renaming.
    """
    restored = instance / RESTORED
    if not restored.is_dir():
        return
    new, old = restored / "new", restored / "old"
    if old.is_dir():
        for path in list(instance.iterdir()):
            if path.name not in (RESTORED, LOCK_FILE):
                path.rename(old / path.name)
        old.rename(restored / "replaced")
    for path in list(new.iterdir()) if new.is_dir() else []:
        path.rename(instance / path.name)
    shutil.rmtree(restored)
