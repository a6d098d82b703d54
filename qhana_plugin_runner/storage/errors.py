"""Errors of file stores."""

from ..errors import RunnerError


class StorageError(RunnerError):
    """A file cannot be kept or found; the message names the file and the reason."""


class UnknownFileStore(StorageError, KeyError):
    """No store has this name."""

    def __str__(self) -> str:
        return str(self.args[0])


class MissingFile(StorageError):
    """The store has no such file."""


class StoreNotConfigured(StorageError):
    """A store lacks a setting; the message names it."""


class NoRoom(StorageError):
    """A file would be larger than what is left for it."""


class ResultsTooLarge(StorageError):
    """A file of a task was not kept, as its files may not take so much."""

    http_status = 413
