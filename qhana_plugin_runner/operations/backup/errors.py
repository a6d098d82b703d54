"""The errors of backups: one line each, with cause and fix."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import OperatorError


class BackupError(OperatorError):
    """An instance cannot be backed up or restored."""


@contextmanager
def disk_errors(folder: Path, outcome: str) -> Iterator[None]:
    """Explain errors of the file system in the ``with`` block.

    Args:
        folder: where is written
        outcome: what an error has led to

    Raises:
        BackupError: an error of the file system was raised.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            cause = f"there is not enough space in {folder}: make room"
        else:
            where = error.filename if isinstance(error.filename, str) else folder
            cause = f"{where}: {error.strerror or error}; mend that"
        raise BackupError(f"{cause}, then try again. {outcome}") from error
