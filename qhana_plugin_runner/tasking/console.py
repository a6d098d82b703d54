"""What a task prints, warns of and logs: it goes to the worker's log, and to the task's console.

Whose text it is tells the context, as threads and greenlets have one of their own. It stays in
memory until a thread writes it, at most once a second, so that printing never waits for the
database, and no task fails because of it. Of a task that is done before, it is written with the end.
"""

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from io import TextIOBase
from typing import Any, TextIO, cast

from flask import current_app
from sqlalchemy import Connection, exc
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from ..db import DB
from ..db.after_commit import run_after_commit
from ..db.models.task_console import MAX_CONSOLE, append_console
from ..db.transient import is_transient
from ..util.current_message import current_message, working_on
from ..util.redaction import hider, redact_text
from ..util.texts import encodable
from .changes import task_changes

INTERVAL = 1.0
"""Seconds between two writes of a task's console."""

MAX_WAIT = 1.0
"""Seconds that the end of a task waits for its last lines to be written; they may come later."""

MAX_TRIES = 30
"""How often it is tried to write the last lines, with pauses of ``INTERVAL``."""

MAX_LINE = 16 * 1024
"""Characters after which a line is handed on without its end."""

_ESCAPE = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]")
"""What colors text, or moves the cursor, in a terminal."""

_OVERWRITTEN = re.compile("^(?:[^\r\n]*\r)+(?=[^\r\n])", re.MULTILINE)
"""What is written in a line until the cursor goes back to its beginning, as progress bars do."""

_FOLDER = re.compile(
    r"""(?<=File ")/[^"\n]*/(?=[^"/\n]+", line \d)|^/(?:[^:\n]*/)?(?=[^:/\n]+:\d+: \w*Warning)""",
    re.MULTILINE,
)
"""The folder of a source file, where tracebacks and warnings name it."""

_SILENT = ("celery.redirected", "qhana_plugin_runner.")
"""Loggers whose lines are of the runner itself, or come from a console."""

_PASSING = (exc.IntegrityError, exc.TimeoutError, MemoryError)
"""Errors after which it is tried again, beside those of a database that is away or busy: another
process writes, all connections are in use, the task needs all its memory."""

_logger = logging.getLogger(__name__)

_lock = threading.Lock()

_open = 0
"""The number of open consoles in this process."""

_has_own_process = False

_only: "_Console | None" = None
"""The console of the only task of this process."""

_unwritten: "set[_Console]" = set()
"""Consoles that have text for the first time, and no thread that writes it."""

_has_unwritten = threading.Event()

_starter: threading.Thread | None = None
"""The thread that starts those a while later."""


def own_process() -> None:
    """From now on this process works on one task at a time, so that all output is of that task."""
    global _has_own_process
    _has_own_process = True


@contextmanager
def captured(task_id: int | None) -> Iterator[None]:
    """Put what is printed and logged in the block on the console of a task.

    All is written in the end, unless the database takes longer.

    Args:
        task_id: the task; nothing is captured without one
    """
    global _only
    # Threads share the one connection of a database in memory, and would commit for each other.
    if task_id is None or isinstance(DB.engine.pool, StaticPool):
        yield
        return
    console = _Console(task_id)
    _listen(+1)
    if _has_own_process:
        _only = console
    try:
        with working_on(replace(current_message(), console=console)):
            yield
    finally:
        _only = None
        try:
            console.close()
        finally:
            _listen(-1)


@contextmanager
def with_the_end(session: Session) -> Iterator[None]:
    """Let what the current task has printed be written by the first commit in the block.

    Should there be none, because of an error, it is written later.
    """
    console: _Console | None = current_message().console
    with nullcontext() if console is None else console.written_by(session):
        yield


def _write_later(console: "_Console") -> bool:
    """Start its thread after a while, if it is still open; return whether there can be one."""
    global _starter
    _unwritten.add(console)
    if _starter is None or not _starter.is_alive():  # it does not survive a fork
        _starter = _started("task-consoles", _start_writers)
    _has_unwritten.set()
    return _starter is not None


def _start_writers() -> None:
    while True:
        _has_unwritten.wait()
        time.sleep(INTERVAL)
        _has_unwritten.clear()
        for console in list(_unwritten):
            _unwritten.discard(console)
            if console.is_open:
                console.start_writer()


def _started(name: str, target: Callable[[], None]) -> threading.Thread | None:
    thread = threading.Thread(target=target, name=name, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError):  # the task's memory is limited, as a rule
        return None
    return thread


class _Console:
    """What one message of a task has printed and is not written yet."""

    def __init__(self, task_id: int) -> None:
        self._task_id = task_id
        self._engine, self._changes = DB.engine, task_changes()
        self._process = os.getpid()
        self._shows_folders = current_app.debug
        self._hidden = hider()  # for the thread that writes
        # A handler of a signal may print while the same thread does.
        self._lock = threading.RLock()
        self._pieces: list[str] = []
        self._size = 0  # characters
        self._skipped = 0  # bytes before them
        self._open_line = ""
        self._is_in_line = False
        self._log_lines: dict[object, str] = {}
        self._writer: threading.Thread | None = None
        self._has_writer_soon = False
        self._is_over = threading.Event()

    @property
    def is_open(self) -> bool:
        """Whether it takes text: not when the message is done, nor in a process that it forked."""
        return not self._is_over.is_set() and os.getpid() == self._process

    def add(self, text: str) -> None:
        """Take something that the task has printed.

        Raises:
            TypeError: it is no text.
        """
        with self._lock:
            self._pieces.append("" + text)
            self._size += len(text)
            if self._size > 2 * MAX_CONSOLE:
                self._put_back(self._take())
        if not self._has_writer_soon:
            self._has_writer_soon = True
            self._has_writer_soon = _write_later(self)

    def log_lines(self, stream: object, text: str) -> list[str]:
        """Take what was printed to a stream; return the lines of it that have their end."""
        with self._lock:
            *lines, rest = (self._log_lines.pop(stream, "") + text).split("\n")
            if len(rest) > MAX_LINE:
                lines, rest = [*lines, rest], ""
            if rest:
                self._log_lines[stream] = rest
        return [shown for line in lines if (shown := _plain(line).strip("\r"))]

    def close(self) -> None:
        """Write all that is there; wait for it, but not long."""
        for stream in list(self._log_lines):
            cast("_Stream", stream).log(self.log_lines(stream, "\n"))
        if self._is_over.is_set():
            return
        self._is_over.set()
        _unwritten.discard(self)
        if self._pieces:
            self.start_writer()
        if self._writer is not None:
            self._writer.join(MAX_WAIT)
        elif self._pieces:
            self._write_now_and_then(tries=1)

    def start_writer(self) -> None:
        """Start the thread that writes, unless it runs; nothing is lost when there can be none."""
        with self._lock:
            if self._writer is None:
                self._writer = _started("task-console", self._write_now_and_then)

    @contextmanager
    def written_by(self, session: Session) -> Iterator[None]:
        """Let what there is be written by the first commit in the block, if no thread does it."""
        if self._writer is not None:
            self.close()  # else it may write what came before behind this
            yield
            return
        with self._lock:
            taken, skipped = self._take(), self._skipped
            self._skipped = 0
        is_written = not taken

        def note() -> None:
            nonlocal is_written
            is_written = True
            self._is_in_line = not taken.endswith("\n")

        try:
            if taken:
                self._append(session.connection(), taken, skipped)
                run_after_commit(session, note)
            yield
        finally:
            if not is_written:
                with self._lock:
                    self._skipped += skipped
                    self._put_back(taken)

    def _take(self) -> str:
        text = "".join(self._pieces)
        self._pieces, self._size = [], 0
        return text

    def _put_back(self, text: str) -> None:
        """Keep a text for the next time; when it is too long, only the last lines of it."""
        if len(text) > MAX_CONSOLE:
            # Whole lines: what tells that a text is secret stands before it.
            begin = text.find("\n", len(text) - MAX_CONSOLE) + 1
            begin = begin or len(text) - MAX_CONSOLE
            self._skipped += len(text[:begin].encode("utf-8", "replace"))
            text = text[begin:]
        self._pieces.insert(0, text)
        self._size += len(text)

    def _write_now_and_then(self, tries: int = MAX_TRIES) -> None:
        try:
            while not self._is_over.is_set():
                self._write()
                self._is_over.wait(INTERVAL)
            for _try in range(tries):
                if self._write(is_end=True):
                    return
                time.sleep(INTERVAL)
            _logger.warning("the last lines of task %s are not written", self._task_id)
        except Exception:  # the same again is of no use: a table is missing, for one
            self._is_over.set()
            _logger.exception("the console of task %s is not written", self._task_id)

    def _write(self, is_end: bool = False) -> bool:
        """Write what there is; return whether all is written that is to be written now."""
        with self._lock:
            taken, skipped = self._take(), self._skipped
            self._skipped = 0
            if not is_end:
                taken = self._without_open_line(taken)
        if not taken:
            return True
        try:
            with self._engine.begin() as connection:
                self._append(connection, taken, skipped)
        except Exception as error:
            if not (is_transient(error) or isinstance(error, _PASSING)):
                raise
            with self._lock:
                self._skipped += skipped
                self._put_back(taken)
            return False
        self._is_in_line = not taken.endswith("\n")
        self._changes.publish(self._task_id)
        return True

    def _append(self, connection: Connection, taken: str, skipped: int) -> None:
        # What overwrites a line that is written already begins another one.
        line_end = "\n" if self._is_in_line and taken.startswith("\r") else ""
        text = line_end + redact_text(self._hidden(_plain(taken)))
        if not self._shows_folders:
            text = without_folders(text)
        append_console(connection, self._task_id, text, skipped)

    def _without_open_line(self, text: str) -> str:
        """Leave the line that has no end yet for the next time, but not for longer."""
        begin = text.rfind("\n") + 1
        line, before = text[begin:], self._open_line
        self._open_line = line
        if line and not (before and line.startswith(before)):
            self._put_back(line)
            return text[:begin]
        return text


def without_folders(text: str) -> str:
    """Return a text whose tracebacks and warnings name source files without their folders."""
    return _FOLDER.sub("", text)


def _plain(text: str) -> str:
    """Return what is to be read in the end of what was meant for a terminal."""
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    if "\r" in text:
        text = _OVERWRITTEN.sub("", text.replace("\r\n", "\n")).replace("\r", "\n")
    return text


def _console() -> _Console | None:
    """Return the console of what runs here."""
    console: _Console | None = current_message().console or _only
    return console if console is not None and console.is_open else None


class _Stream(TextIOBase):
    """Standard output, or error, of a worker.

    Args:
        target: what it was before; the worker's log, as a rule
    """

    encoding = "utf-8"

    def __init__(self, target: TextIO) -> None:
        self.target = target

    def write(self, text: str) -> int:
        console = _console()
        if console is None:
            return self.target.write(text)
        console.add(text)
        self.log(console.log_lines(self, text))
        return len(text)

    def log(self, lines: list[str]) -> None:
        """Hand lines to the worker's log."""
        for line in lines:
            self.target.write(f"{encodable(line)}\n")

    def flush(self) -> None:
        self.target.flush()

    def close(self) -> None:
        """Do nothing: the worker's log stays open."""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """Return the number that other processes write to: that of the worker's own output."""
        stream = self.target if hasattr(self.target, "fileno") else sys.__stdout__
        return stream.fileno() if stream is not None else super().fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)


class _Handler(logging.Handler):
    """Puts log records on the console of the task that logs them."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(_SILENT) or (console := _console()) is None:
            return
        try:
            text = self.format(record).rstrip("\n")
        except Exception:  # the arguments do not fit the message
            return self.handleError(record)
        if record.name != "py.warnings":
            text = f"{record.levelname} {record.name}: {text}"
        console.add(f"{text}\n")


_handler = _Handler()


def _loggers() -> list[logging.Logger]:
    """Return the loggers that get all records: in a worker, that of tasks passes nothing on."""
    loggers = [logging.getLogger(), logging.getLogger("celery.task")]
    return loggers[: 1 if loggers[1].propagate else 2]


def _listen(more: int) -> None:
    """Begin to take what is printed and logged with the first console, end with the last."""
    global _open
    with _lock:
        _open += more
        if not _open:
            _end()
        elif more > 0:
            _begin()


def _begin() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, _Stream):
            setattr(sys, name, _Stream(stream))
    for logger in _loggers():
        logger.addHandler(_handler)


def _end() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, _Stream):
            setattr(sys, name, stream.target)
    for logger in _loggers():
        logger.removeHandler(_handler)
