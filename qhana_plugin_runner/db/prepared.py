"""Statements that are read often: compiled once, and run on the connection of the driver.

SQLAlchemy needs several times as long for a statement as a database does for the answer.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Dialect, Engine, Select

from .db import DB
from .statements import Compiled
from .unsaved import is_in_transaction


@contextmanager
def read_connection() -> Iterator[Connection]:
    """Yield a connection to read from, given back at the end of the block.

    It is the session's while that is in a transaction, and then sees uncommitted changes.
    """
    if is_in_transaction():
        yield DB.session.connection()
        return
    with DB.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            # Each statement is a transaction of its own: two round trips less to a server.
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection


class Prepared:
    """A statement that only reads.

    Args:
        make: returns the statement for a dialect, by its name
    """

    def __init__(self, make: Callable[[str], Select[Any]]) -> None:
        self._make = make
        self._compiled = WeakKeyDictionary[Dialect, _Read]()

    def all(self, **values: Any) -> list[Any]:
        """Return the rows, with the columns as attributes; see :func:`read_connection`."""
        engine = DB.engine
        compiled = self._compiled.get(engine.dialect)
        if compiled is None:
            statement = self._make(engine.dialect.name)
            compiled = self._compiled[engine.dialect] = _Read(statement, engine)
        is_watched = bool(engine.dispatch.before_cursor_execute)  # as by what traces
        if not is_watched and not is_in_transaction():
            try:
                return compiled.run(engine, values)
            except compiled.error:
                pass  # SQLAlchemy explains it, or connects anew
        with read_connection() as connection:
            return list(connection.execute(compiled.statement, values))


class _Read:
    def __init__(self, statement: Select[Any], engine: Engine) -> None:
        dialect, columns = engine.dialect, statement.selected_columns
        self.statement = statement
        self.error: type[Exception] = dialect.loaded_dbapi.Error
        self._compiled = Compiled(statement, dialect)
        row: Any = namedtuple("row", columns.keys())  # type: ignore[misc]
        self._row = row._make
        self._types = [column.type.dialect_impl(dialect) for column in columns]
        self._decoders: list[tuple[int, Callable[[Any], Any]]] | None = None
        self._is_server = dialect.name != "sqlite"

    def run(self, engine: Engine, values: dict[str, Any]) -> list[Any]:
        given = self._compiled.parameters(values)
        connection = engine.raw_connection()
        try:
            found = self._fetch(engine, connection.dbapi_connection, given)
        except BaseException as error:
            connection.invalidate(error)
            raise
        finally:
            connection.close()
        return [self._decoded(row) for row in found]

    def _decoded(self, row: Iterable[Any]) -> Any:
        values = list(row)
        for number, decode in self._decoders or ():
            values[number] = decode(values[number])
        return self._row(values)

    def _fetch(self, engine: Engine, connection: Any, given: Any) -> list[Any]:
        if self._is_server:
            # Each statement is a transaction of its own: two round trips less.
            engine.dialect.set_isolation_level(connection, "AUTOCOMMIT")
        cursor = connection.cursor()
        cursor.execute(self._compiled.sql, given)
        if self._decoders is None:
            columns = zip(self._types, cursor.description)
            processors = (
                kind.result_processor(engine.dialect, column[1])
                for kind, column in columns
            )
            self._decoders = [(n, each) for n, each in enumerate(processors) if each]
        found: list[Any] = cursor.fetchall()
        cursor.close()
        if self._is_server:
            engine.dialect.reset_isolation_level(connection)
        return found
