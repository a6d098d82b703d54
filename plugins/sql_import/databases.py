"""Databases that may be read, and what is in them. SQL is made by SQLAlchemy only."""

import os
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from flask import current_app
from sqlalchemy import (
    Connection,
    MetaData,
    Table,
    create_engine,
    inspect,
    select,
    type_coerce,
)
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import NoSuchModuleError, SAWarning, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import NullType

from .entities import Reading

NOWHERE = "/nonexistent/qhana"
"""Where libpq finds no password and no certificate of the account that the runner has."""

ROWS = 1000
"""Rows that are fetched at once."""


def allowed_urls() -> list[str]:
    """Return the databases that the operator lists."""
    urls: list[str] = current_app.config["SQL_IMPORT_URLS"]
    return urls


def require_allowed(url: str) -> None:
    """Refuse a database that the operator does not list, in this very spelling.

    Raises:
        ValueError: it is not listed.
    """
    urls = allowed_urls()
    if not urls:
        raise ValueError(
            "No database may be read here: the setting SQL_IMPORT_URLS lists none."
        )
    if url not in urls:
        raise ValueError("Choose a database that the setting SQL_IMPORT_URLS lists.")


@contextmanager
def connected(url: str, user_name: str, password: str) -> Iterator["Database"]:
    """Connect to a database, to read it.

    Raises:
        ValueError: it may not be read, or refuses; the text says why.
    """
    require_allowed(url)
    try:
        engine = _engine(make_url(url), user_name, password)
        with warnings.catch_warnings(), engine.connect() as connection:
            warnings.simplefilter("ignore", SAWarning)  # of types that it does not know
            yield Database(connection)
    except NoSuchModuleError as error:
        raise ValueError(
            f"The driver of the database is not installed: {error}"
        ) from None
    except SQLAlchemyError as error:
        # The rest of it is SQL, and a link for those who have written that.
        cause = getattr(error, "orig", None) or error
        reason = " ".join(str(cause).split())
        raise ValueError(f"The database refuses: {reason}") from None


def _engine(url: URL, user_name: str, password: str) -> Engine:
    if url.get_backend_name() == "sqlite":
        path = url.database or ""
        return create_engine(
            "sqlite://", creator=lambda: _open_file(path), poolclass=NullPool
        )
    if not user_name:
        raise ValueError("Enter your user name: this database asks for one.")
    arguments: dict[str, Any] = {"user": user_name, "password": password}
    options: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql":
        own = {"passfile": NOWHERE, "sslcert": NOWHERE, "connect_timeout": "10"}
        arguments |= {name: each for name, each in own.items() if name not in url.query}
        options = {"postgresql_readonly": True}
    return create_engine(
        url,
        connect_args=arguments,
        execution_options=options,
        poolclass=NullPool,
        hide_parameters=True,
    )


def _open_file(path: str) -> sqlite3.Connection:
    if not os.path.isfile(path):
        raise sqlite3.OperationalError("its file is missing")
    connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    return connection


class Database:
    """A database that is read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tables(self) -> dict[str, tuple[str | None, str]]:
        """Return schema and name of each table and view, by what it is called in SQL."""
        found = inspect(self._connection)
        default = found.default_schema_name
        schemas: list[str | None] = [None]
        if self._connection.dialect.name != "sqlite":
            schemas += [each for each in found.get_schema_names() if each != default]
        quoted = self._connection.dialect.identifier_preparer.format_table
        tables = {}
        for schema in schemas:
            if schema == "information_schema":
                continue
            names = [*found.get_table_names(schema), *found.get_view_names(schema)]
            if self._connection.dialect.name == "postgresql":
                names += found.get_materialized_view_names(schema)
            for name in sorted(names):
                tables[quoted(Table(name, MetaData(), schema=schema))] = schema, name
        return tables

    def columns(self, schema: str | None, name: str) -> dict[str, str]:
        """Return the columns of a table, with their types in the database."""
        columns = inspect(self._connection).get_columns(name, schema)
        return {each["name"]: str(each["type"]) for each in columns}

    def read(
        self, schema: str | None, name: str, columns: Sequence[str], limit: int | None
    ) -> Reading:
        """Return what reads a table.

        Args:
            schema: of the table.
            name: of the table.
            columns: the names of those that are wanted; empty: all.
            limit: the number of rows.
        """
        table = Table(
            name,
            MetaData(),
            schema=schema,
            autoload_with=self._connection,
            resolve_fks=False,
        )
        key = list(table.primary_key.columns)
        wanted = [each for each in table.columns if not columns or each.name in columns]
        if len(key) == 1:
            wanted = [each for each in wanted if each is not key[0]]
        # As the driver gives them: files of SQLite hold other values than they declare.
        raw = [type_coerce(each, NullType()) for each in (*key, *wanted)]
        query = select(*raw).select_from(table).order_by(*key).limit(limit)
        streaming = self._connection.execution_options(yield_per=ROWS)
        return Reading(lambda: streaming.execute(query), key, wanted, limit)
