"""The database extension, set up for SQLite and PostgreSQL."""

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import SQLITE_BUSY, SQLITE_LOCKED
from typing import Any

from blinker import Namespace
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import TIMESTAMP, Dialect, Float, MetaData, TypeDecorator, cast, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.functions import GenericFunction

from .reachable import explained

SQLITE_BUSY_TIMEOUT = 30_000
"""Milliseconds that a writer waits for another one. Commits take milliseconds; half a minute
is past what a loaded machine or a slow disk was ever seen to need."""


class Model(DeclarativeBase):
    """The base of all models. Plugins reach it as ``DB.Model``."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class UtcTimestamp(TypeDecorator[datetime]):
    """A point in time, in UTC whatever the database does with time zones.

    Values without a time zone are taken as UTC, as plugins mean them; values that are read
    carry the time zone.
    """

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        if value is None:
            return None
        value = (
            value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        )
        # SQLite keeps the digits only; without the zone they look as they always did.
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


def utc_now() -> datetime:
    return datetime.now(UTC)


class database_time(
    GenericFunction[datetime]
):  # noqa: N801  (SQL functions have small names)
    """The time of the database in UTC, the same for all hosts whatever their clocks say.

    Args:
        seconds: added to it; may be negative (default: 0)
    """

    type = UtcTimestamp()
    inherit_cache = True

    def __init__(self, seconds: Any = 0.0) -> None:
        super().__init__(cast(seconds, Float))


@compiles(database_time)
def _now_elsewhere(element: Any, compiler: Any, **kwargs: Any) -> str:
    seconds = compiler.process(element.clauses, **kwargs)
    return f"TIMESTAMPADD(MICROSECOND, 1000000 * ({seconds}), UTC_TIMESTAMP(6))"


@compiles(database_time, "postgresql")
def _now_in_postgresql(element: Any, compiler: Any, **kwargs: Any) -> str:
    seconds = compiler.process(element.clauses, **kwargs)
    # now() would be the time at which the transaction began.
    return f"(clock_timestamp() + make_interval(secs => {seconds}))"


@compiles(database_time, "sqlite")
def _now_in_sqlite(element: Any, compiler: Any, **kwargs: Any) -> str:
    # Made below: SQLite's own functions know milliseconds only.
    return f"utc_now_after({compiler.process(element.clauses, **kwargs)})"


def _utc_now_after(seconds: float) -> str:
    later = utc_now().replace(tzinfo=None) + timedelta(seconds=seconds)
    return later.isoformat(" ", "microseconds")


DB = SQLAlchemy(model_class=Model)
MIGRATE = Migrate()

DB_SIGNALS = Namespace()
"""Signals of the models, such as those of virtual plugins."""


def migrations_folder() -> Path:
    """Where the migrations are: inside of an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.create_function("utc_now_after", 1, _utc_now_after)
    cursor = connection.cursor()
    # First: to switch the mode below, too, may mean to wait for another process.
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT}")
    # Readers and one writer at a time do not wait for each other.
    _use_wal(cursor)
    # Safe in WAL mode: a power cut may lose the last commits, but never damages the file.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch to WAL mode, also when several processes are the first to open a database.

    SQLite does not wait for locks where each of two could wait for the other one.
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
        DatabaseUnreachable: the driver is missing, or the folder of an SQLite file cannot be made.
    """
    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"])
    with explained(url):
        if url.get_backend_name() == "sqlite":
            if url.database and url.database != ":memory:":
                Path(app.instance_path, url.database).parent.mkdir(
                    parents=True, exist_ok=True
                )
        else:
            # A server that was restarted has cut the connections of the pool: a ping costs less
            # than a task that fails for it.
            options = app.config["SQLALCHEMY_ENGINE_OPTIONS"]
            app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": True, **options}
        DB.init_app(app)
    MIGRATE.init_app(app, DB, directory=str(migrations_folder()))
