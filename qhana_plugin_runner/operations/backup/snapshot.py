"""A moment of the database and of the queue, while both are at work.

Nobody can commit while this process has the lock of SQLite's writers. In that time no task is
submitted or ends, so that the state of the broker at any moment of it fits the database. Within
milliseconds the broker forks a process that writes what is in memory (``BGSAVE``), and a reading
transaction of SQLite keeps what is in the database. Everybody else goes on while both are copied.
"""

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from redis.exceptions import RedisError, ResponseError

from ...errors import OperatorError
from ...util.embedded_broker import answers, client_of

_WAIT_SECONDS = 60.0
"""For how long writers of the database, or another copy of the broker's data, are waited for."""

_SAVE_SECONDS = 600.0
"""In which the broker has to write what is in its memory."""

_PAGES = 2048
"""Pages of a database that are copied at once."""


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


class DamagedDatabase(BackupError):
    """A file is not what SQLite has written.

    Args:
        path: the file
        problem: what is wrong with it
    """

    def __init__(self, path: Path, problem: object) -> None:
        super().__init__(f"the database {path} is damaged: {problem}")


class RunningBroker:
    """The embedded broker while it runs.

    Args:
        folder: holds its data
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._saved = folder / "dump.rdb"
        self._client = client_of(folder)

    def answers(self) -> bool:
        """Whether it runs, and is that of this folder."""
        return answers(self._client, self._folder)

    def fork(self) -> bool:
        """Begin to save what is in memory at this moment.

        Returns:
            whether it has begun; not when the broker already writes its data for other reasons
        """
        with _answering():
            try:
                # Should it end before it is done, no older copy is taken for this one.
                self._saved.unlink(missing_ok=True)
                self._client.bgsave(schedule=False)
            except ResponseError as error:
                if "in progress" in str(error) or "child process" in str(error):
                    return False
                raise
        return True

    def saved(self) -> Path:
        """Wait for what was begun, and return its file.

        Raises:
            BackupError: the broker could not write it.
        """
        deadline = time.monotonic() + _SAVE_SECONDS
        while True:
            with _answering():
                state = self._client.info("persistence")
            is_done = not state["rdb_bgsave_in_progress"]
            if is_done or time.monotonic() >= deadline:
                break
            time.sleep(0.05)
        is_ok = is_done and state["rdb_last_bgsave_status"] == "ok"
        if not is_ok or not self._saved.is_file():
            raise BackupError(
                f"the broker cannot write its data into {self._folder}: see its lines in the log "
                "of the runner, and whether the disk is full, then try again. Nothing was written"
            )
        return self._saved


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise BackupError(
            f"the broker does not answer any more ({error}): try again when it runs. "
            "Nothing was written"
        ) from error


def is_sqlite(path: Path) -> bool:
    """Whether a file is a database of SQLite."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def copy_sqlite(
    source: Path,
    target: Path,
    progress: Callable[[int, int], None],
    broker: RunningBroker | None = None,
) -> None:
    """Copy a database that others read and write meanwhile.

    Args:
        source: the database
        target: the copy; the file is made
        progress: called with what is done, and what there is
        broker: begins to save at the same moment

    Raises:
        BackupError: the database cannot be read.
        DamagedDatabase: it is none.
    """
    try:
        with (
            closing(_connect(source)) as reader,
            closing(_connect(target, "rwc")) as copy,
        ):
            _begin(source, reader, broker)
            reader.backup(
                copy,
                pages=_PAGES,
                progress=lambda _status, left, all_: progress(all_ - left, all_),
                sleep=0.0,
            )
            reader.rollback()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise BackupError(f"the database {source} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DamagedDatabase(source, error) from error


def problem_of(database: Path) -> str:
    """Return what is wrong with a database that nobody uses; blank for nothing."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else found


def _read(reader: sqlite3.Connection) -> None:
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _begin(
    source: Path, reader: sqlite3.Connection, broker: RunningBroker | None
) -> None:
    """Let a connection keep what is in the database, at the moment when the broker forks."""
    if broker is None:
        _read(reader)  # at any moment; who writes need not be waited for
        return
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        with closing(_connect(source)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            try:
                _read(reader)
                if broker.fork():
                    return
            finally:
                writer.rollback()
        reader.rollback()
        time.sleep(0.1)
    raise BackupError(
        f"the broker has been writing its data for {_WAIT_SECONDS:g} seconds: try again later. "
        "Nothing was written"
    )


def _connect(path: Path, mode: str = "rw") -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_WAIT_SECONDS,
        isolation_level=None,
    )
