"""The database extension, set up for SQLite and PostgreSQL."""

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import SQLITE_BUSY, SQLITE_LOCKED
from typing import Any

import sqlalchemy as sa
from blinker import Namespace
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy.engine import make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.sql.functions import GenericFunction

from ..util import strict_json
from .connection import connection_errors
from .vanished import notice_vanished

SQLITE_BUSY_TIMEOUT = 30_000
"""Milliseconds that a writer waits for another one. Commits take milliseconds; half a minute is
more than a loaded machine or a slow disk was ever seen to need."""


class Model(DeclarativeBase):
    """The base of all models. Plugins reach it as ``DB.Model``."""

    metadata = sa.MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class UtcTimestamp(sa.TypeDecorator[datetime]):
    """A point in time, in UTC whatever the database does with time zones.

    Values without a time zone are in UTC, as plugins mean them. Values that are read, or assigned
    to the attribute of a model, are in UTC without a time zone: plugins subtract them from
    ``datetime.utcnow()``.
    """

    impl = sa.TIMESTAMP(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: sa.Dialect
    ) -> datetime | None:
        if value is None:
            return None
        # SQLite stores text; without the zone it looks as in databases of earlier versions.
        return without_zone(value) if dialect.name == "sqlite" else as_utc(value)

    def process_result_value(
        self, value: datetime | None, dialect: sa.Dialect
    ) -> datetime | None:
        return None if value is None else without_zone(value)


def as_utc(time: datetime) -> datetime:
    """Return a time in UTC with its time zone; a time without a time zone is in UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def without_zone(time: datetime) -> datetime:
    """Return a time in UTC without the time zone, as in models."""
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


def utc_now() -> datetime:
    """Return the current time in UTC without the time zone, as in models."""
    return without_zone(datetime.now(UTC))


DAY = 24 * 60 * 60
"""Seconds."""


class database_time(GenericFunction[datetime]):  # noqa: N801  (SQL functions have small names)
    """The current time in UTC by the clock of the database, which all hosts share.

    Args:
        seconds: added to the time; may be negative.
    """

    type = UtcTimestamp()
    inherit_cache = True

    def __init__(self, seconds: Any = 0.0) -> None:
        super().__init__(sa.cast(seconds, sa.Float))


@compiles(database_time)
def _now_elsewhere(element: Any, compiler: Any, **kwargs: Any) -> str:
    seconds = compiler.process(element.clauses, **kwargs)
    return f"TIMESTAMPADD(MICROSECOND, 1000000 * ({seconds}), UTC_TIMESTAMP(6))"


@compiles(database_time, "postgresql")
def _now_in_postgresql(element: Any, compiler: Any, **kwargs: Any) -> str:
    seconds = compiler.process(element.clauses, **kwargs)
    # now() would be the start of the transaction.
    return f"(clock_timestamp() + make_interval(secs => {seconds}))"


@compiles(database_time, "sqlite")
def _now_in_sqlite(element: Any, compiler: Any, **kwargs: Any) -> str:
    # Defined below: SQLite's own functions only have milliseconds.
    return f"utc_now_after({compiler.process(element.clauses, **kwargs)})"


def _utc_now_after(seconds: float) -> str:
    later = utc_now() + timedelta(seconds=seconds)
    return later.isoformat(" ", "microseconds")


MAX_ID = 2**31 - 1
"""The largest number in an integer column, on all databases."""

_MAX_BIG_ID = 2**63 - 1


class RunnerSession(Session):
    """A session that finds no row for a key that does not fit into its column.

    Such numbers come from URLs; the databases would raise errors.
    """

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """Return the row with this key, or ``None``; see SQLAlchemy's ``Session.get``."""
        return super().get(entity, ident, **options) if _fits(entity, ident) else None


def _fits(entity: Any, ident: Any) -> bool:
    """Return whether a key fits into the columns of a primary key."""
    columns = sa.inspect(entity, raiseerr=True).mapper.primary_key
    if isinstance(ident, dict):
        values = list(ident.values())
    else:
        values = list(ident) if isinstance(ident, (tuple, list)) else [ident]
    return all(
        not isinstance(value, int)
        or abs(value)
        <= (_MAX_BIG_ID if isinstance(column.type, sa.BigInteger) else MAX_ID)
        for value, column in zip(values, columns)
    )


DB = SQLAlchemy(model_class=Model, session_options={"class_": RunnerSession})

REGISTRY: registry = DB.Model.registry  # type: ignore[attr-defined]
"""The registry of all models: for plugins that map classes by ``@REGISTRY.mapped``."""


@sa.event.listens_for(DB.Model, "attribute_instrument", propagate=True)
def _convert_times(_class: type[Any], _key: str, attribute: Any) -> None:
    """Convert a time that is assigned to what it will be when it is read."""
    columns = getattr(attribute.property, "columns", ())
    if columns and isinstance(columns[0].type, UtcTimestamp):
        sa.event.listen(attribute, "set", _convert_time, retval=True, propagate=True)


def _convert_time(_row: Any, value: Any, _old: Any, _initiator: Any) -> Any:
    return without_zone(value) if isinstance(value, datetime) else value


DB_SIGNALS = Namespace()
"""Signals of the models, such as those of virtual plugins."""


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.create_function("utc_now_after", 1, _utc_now_after)
    cursor = connection.cursor()
    # First: switching the mode below may have to wait for another process.
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT}")
    # Readers and one writer do not block each other.
    _use_wal(cursor)
    # Safe in WAL mode: a power cut may lose the last commits, but never damages the file.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch to WAL mode, even when several processes open a new database at once.

    SQLite does not wait for locks where two processes could wait for each other.
    """
    deadline = time.monotonic() + SQLITE_BUSY_TIMEOUT / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED)
            if not is_busy or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def register_db(app: Flask) -> None:
    """Connect an app to the database and to its migrations.

    Raises:
        DatabaseUnreachable: the driver is missing, or the folder of an SQLite file cannot be
            created.
    """
    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"])
    options: dict[str, Any] = {"json_serializer": strict_json.dumps}
    with connection_errors(url):
        if url.get_backend_name() == "sqlite":
            if url.database and url.database != ":memory:":
                Path(app.instance_path, url.database).parent.mkdir(
                    parents=True, exist_ok=True
                )
        else:
            # After a restart of the server, the connections of the pool are dead: a ping costs less
            # than a failed task.
            options["pool_pre_ping"] = True
        own = app.config.get("SQLALCHEMY_ENGINE_OPTIONS") or {}
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {**options, **own}
        DB.init_app(app)
    with app.app_context():
        # Only of these: the files of plugins are not ours to switch to another mode.
        for engine in DB.engines.values():
            sa.event.listen(engine, "connect", _prepare_sqlite)
            notice_vanished(engine)
    app.extensions["migrate"] = _LazyMigrations(app)


class _LazyMigrations:
    """Stands in for Flask-Migrate until the first use, which imports Alembic."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        from .migrations import register_migrations

        register_migrations(self._app, DB)
        return getattr(self._app.extensions["migrate"], name)


def __getattr__(name: str) -> Any:
    """Import ``MIGRATE`` at first use."""
    if name == "MIGRATE":
        from .migrations import MIGRATE

        return MIGRATE
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
