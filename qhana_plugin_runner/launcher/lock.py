"""One launcher per instance folder."""

import fcntl
import os
from pathlib import Path

from .errors import UsageError


class InstanceLock:
    """A lock on an instance folder, held until it is closed or its holders have died.

    Args:
        instance: the instance folder; it is made when it does not exist

    Raises:
        UsageError: the folder cannot be made or written, or another launcher
            holds the lock
    """

    def __init__(self, instance: Path) -> None:
        path = instance / "launcher.lock"
        try:
            instance.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(
                f"the instance folder {instance} cannot be written ({error.strerror}): "
                "change its permissions, or choose another folder with --instance"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._file, 20).decode("ascii", "replace").strip()
            os.close(self._file)
            raise UsageError(
                f"the instance folder {instance} is in use by another launcher "
                f"(process {holder or 'unknown'}): stop that one, or choose another "
                "folder with --instance"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def fileno(self) -> int:
        """Return the descriptor of the file; who inherits it holds the lock too."""
        return self._file

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._file)
