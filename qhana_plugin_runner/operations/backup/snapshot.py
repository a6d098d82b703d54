"""A moment of the database and of the queue, while both are at work.

Nobody can commit while this process has the lock of SQLite's writers. In that time no task is
submitted or ends, so that the state of the broker at any moment of it fits the database. Within
milliseconds the broker forks a process that writes what is in memory (``BGSAVE``), and a reading
transaction of SQLite keeps what is in the database. Everybody else goes on while both are copied.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from .errors import BackupError

__all__ = ["RunningBroker", "copy_sqlite", "is_sqlite"]

_WAIT_SECONDS = 60.0
"""For how long writers of the database, or another copy of the broker's data, are waited for."""

_ANSWER_SECONDS = 5.0

_PAGES = 2048
"""Pages of a database that are copied at once."""


class RunningBroker:
    """The embedded broker while it runs.

    Args:
        folder: holds its data
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        kept = _configuration(folder)
        port = kept.get("port", "")
        self._client: Redis = Redis(
            "127.0.0.1",
            int(port) if port.isdecimal() else 0,
            password=kept.get("requirepass"),
            socket_timeout=_ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def answers(self) -> bool:
        """Whether it runs, and is that of this folder."""
        try:
            folder = self._client.config_get("dir")["dir"]
        except RedisError:
            return False
        return bool(folder == str(self._folder.resolve()))

    def fork(self) -> bool:
        """Begin to save what is in memory at this moment.

        Returns:
            whether it has begun; not when the broker already writes its data for other reasons
        """
        try:
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
        while True:
            state = self._client.info("persistence")
            if not state["rdb_bgsave_in_progress"]:
                break
            time.sleep(0.05)
        if state["rdb_last_bgsave_status"] != "ok":
            raise BackupError(
                f"the broker cannot write its data into {self._folder}: see its lines in the log "
                "of the runner, and whether the disk is full, then try again. Nothing was written"
            )
        return self._folder / "dump.rdb"


def _configuration(folder: Path) -> Mapping[str, str]:
    try:
        lines = (folder / "valkey.conf").read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {name: value for name, _, value in (line.partition(" ") for line in lines)}


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
        BackupError: the database cannot be read, or is damaged.
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
            problem = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise OSError(28, "No space left on device") from error
        raise BackupError(f"the database {source} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise BackupError(f"the database {source} is damaged: {error}") from error
    if problem != "ok":
        raise BackupError(f"the database {source} is damaged: {problem}")


def _begin(
    source: Path, reader: sqlite3.Connection, broker: RunningBroker | None
) -> None:
    """Let a connection keep what is in the database, at the moment when the broker forks."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        with closing(_connect(source)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            try:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
                if broker is None or broker.fork():
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
