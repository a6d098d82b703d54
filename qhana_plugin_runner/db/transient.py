"""Errors of the database: which pass by themselves, and how they are waited for."""

import logging
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from ..util.backoff import backoff
from .db import DB

MAX_WAIT_SECONDS = 120.0
"""For how long a worker waits for a database that is away: what it wants to write is known only
there, and a server that is restarted is back within a minute or two."""

_T = TypeVar("_T")

_SQLITE_AT_FAULT = {
    sqlite3.SQLITE_ERROR,  # a wrong statement, or a table that is missing
    sqlite3.SQLITE_INTERNAL,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_NOTADB,
}

_logger = logging.getLogger(__name__)


def is_not_migrated(error: DBAPIError) -> bool:
    """Whether a table or column is missing, by PostgreSQL's codes and SQLite's messages."""
    if getattr(error.orig, "sqlstate", None) in ("42P01", "42703"):
        return True
    return str(error.orig).startswith(("no such table", "no such column"))


def is_transient(error: BaseException) -> bool:
    """Whether the database is away or busy, so that the same may succeed later.

    It may not when the statement is at fault: a missing table, a violated constraint.
    """
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _SQLITE_AT_FAULT:
        return False
    return isinstance(error, (OperationalError, InterfaceError))


def retry_transient(write: Callable[[], _T], seconds: float = MAX_WAIT_SECONDS) -> _T:
    """Write to the database; when it is away, wait until it is back.

    Args:
        write: does it, from its beginning each time; its session is rolled back in between
        seconds: for how long it is tried

    Raises:
        sqlalchemy.exc.DBAPIError: the statement is at fault, or the time is over.
    """
    deadline = time.monotonic() + seconds
    failures = 0
    while True:
        try:
            return write()
        except DBAPIError as error:
            DB.session.rollback()
            failures += 1
            pause = backoff(failures, first=0.1, maximum=5.0)
            if not is_transient(error) or time.monotonic() + pause > deadline:
                raise
            _logger.warning(
                "the database fails, trying again: %s", str(error.orig).strip()
            )
        time.sleep(pause)
