"""Statements that write to the database past the objects of the session."""

from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import CursorResult, Dialect, bindparam, insert, inspect
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.expression import Executable

from .db import DB
from .unsaved import note_written


def execute(statement: UpdateBase, parameters: Any = None) -> CursorResult[Any]:
    """Run an INSERT, UPDATE or DELETE in the session's transaction.

    Objects that the session has loaded keep what they have.
    """
    options = {"synchronize_session": False}
    result: Any = DB.session.execute(statement, parameters, execution_options=options)
    return result  # type: ignore[no-any-return]


def execute_compiled(statement: Executable, **values: Any) -> CursorResult[Any]:
    """Run a statement that is made once, in the session's transaction, and compile it once.

    SQLAlchemy needs several times as long to look up how it has compiled a statement, and to prepare
    its parameters, as a database does to run it. What the statement returns is as the driver returns
    it, and it has no values with ``in_``, which are only known when it runs.

    Args:
        statement: of tables, not of models; it is kept as long as the engine
        values: of its parameters, by their names
    """
    session = DB.session()
    session._autoflush()  # as before each statement that the session runs
    connection = session.connection()
    compiled = _COMPILED.setdefault(connection.dialect, {})
    if statement not in compiled:
        compiled[statement] = Compiled(statement, connection.dialect)
    if statement.is_dml:
        note_written(session)
    found = compiled[statement]
    return connection.exec_driver_sql(found.sql, found.parameters(values))


def insert_row(row: Any) -> None:
    """Write a new object by a single INSERT: to flush it takes the session several times as long.

    From then on it is one of the session's objects, as if the session had loaded it. Listeners for
    its insert are not called.

    Args:
        row: of a model with one ``id``; its references are set by their columns
    """
    mapper = inspect(type(row), raiseerr=True)
    columns = mapper.local_table.c
    names = {column.name: mapper.get_property_by_column(column).key for column in columns}
    values = {f"new_{name}": row.__dict__.get(key) for name, key in names.items()}
    statement = _inserting(mapper.local_table)
    set_committed_value(row, "id", execute_compiled(statement, **values).scalar_one())
    make_transient_to_detached(row)
    DB.session.add(row)


@cache
def _inserting(table: Any) -> Any:
    values = {
        column.name: bindparam(f"new_{column.name}", type_=column.type)
        for column in table.c
        if not column.primary_key
    }
    return insert(table).values(values).returning(table.c.id)


class Compiled:
    """The SQL of a statement for a dialect, and its parameters as the driver takes them.

    Args:
        statement: what is compiled; it has no values with ``in_``, which are only known when it runs
        dialect: of the database

    Attributes:
        sql: what the driver is to run
    """

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._constants: dict[str, Any] = {
            name: bind.value for name, bind in compiled.binds.items() if not bind.required
        }
        self._order: list[str] | None = compiled.positiontup
        processors = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect)
            for name, bind in compiled.binds.items()
        }
        self._processors = {
            name: process for name, process in processors.items() if process
        }

    def parameters(self, values: dict[str, Any]) -> Any:
        """Return the values of all parameters for the driver, given those that are no constants."""
        given = {**self._constants, **values}
        for name, process in self._processors.items():
            given[name] = process(given[name])
        if self._order is None:
            return given
        return tuple(given[name] for name in self._order)


_COMPILED = WeakKeyDictionary[Dialect, dict[Executable, Compiled]]()
