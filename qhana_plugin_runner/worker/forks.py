"""Processes of the pool are forked while no thread of the worker uses the database.

A process that is forked meanwhile inherits locks that are never released there, and waits for them
in vain: SQLite's, which remembers in the memory of a process which of its connections has locked
the file, and SQLAlchemy's, of which one is held while the first connection to a server is made.
"""

import logging
import os
import threading
import time
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event

MAX_WAIT_SECONDS = 1.0
"""After how long a process is forked all the same: the worker has to go on."""

MAX_SQLITE_WAIT_SECONDS = 30.0
"""The same with SQLite, where a process that inherits a lock would wait in vain at every write.

There nobody waits for a row that a task has locked for as long as it runs.
"""

_logger = logging.getLogger(__name__)


def fork_between_transactions(engines: list[Engine]) -> None:
    """Let this process fork only while no thread uses a connection of these engines.

    Only for the main process of a worker whose tasks have processes of their own: elsewhere a
    task may well fork with a connection in use, its own.
    """
    for engine in engines:
        _Fork(engine)


class _Fork:
    """Holds back forks while connections of an engine are in use, and checkouts during a fork."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._used: WeakSet[Any] = WeakSet()
        event.listen(engine, "do_connect", self._connects)
        event.listen(engine, "checkout", self._checked_out)
        event.listen(engine, "checkin", self._checked_in)
        os.register_at_fork(before=self._before, after_in_parent=self._after)

    def _connects(self, _dialect: Any, record: Any, _args: Any, _options: Any) -> None:
        self._checked_out(None, record, None)

    def _checked_out(self, _connection: Any, record: Any, _proxy: Any) -> None:
        if os.getpid() == self._process:
            with self._changed:
                self._used.add(record)

    def _checked_in(self, _connection: Any, record: Any) -> None:
        if os.getpid() == self._process:
            with self._changed:
                self._used.discard(record)
                self._changed.notify()

    def _before(self) -> None:
        if os.getpid() != self._process:
            return
        self._changed.acquire()  # until the fork is made
        is_sqlite = self._engine.dialect.name == "sqlite"
        seconds = MAX_SQLITE_WAIT_SECONDS if is_sqlite else MAX_WAIT_SECONDS
        deadline = time.monotonic() + seconds
        while self._used and time.monotonic() < deadline:
            self._changed.wait(0.1)  # no one notifies when connecting fails
        if self._used:
            _logger.warning("a process is forked while the database is in use")
        # Closed connections leave nothing to inherit.
        self._engine.dispose()

    def _after(self) -> None:
        if os.getpid() == self._process:
            self._changed.release()
