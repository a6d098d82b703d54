"""Finds out before the start whether the database can be reached."""

from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from .errors import UsageError


def check_database(uri: str, instance: Path) -> None:
    """Connect to the database once.

    Args:
        uri: the setting ``SQLALCHEMY_DATABASE_URI``
        instance: relative paths of SQLite files start here

    Raises:
        UsageError: the address is none, its driver is missing, or nobody answers
    """
    try:
        url = make_url(uri)
        engine = create_engine(_located(url, instance), poolclass=NullPool)
    except (ImportError, NoSuchModuleError) as error:
        raise UsageError(
            f"the driver of the database {url.drivername} is missing "
            f"({_first_line(error)}): install it, or change SQLALCHEMY_DATABASE_URI"
        ) from error
    except ArgumentError as error:
        raise UsageError(
            f"SQLALCHEMY_DATABASE_URI is no database address ({_first_line(error)}): "
            "write for example sqlite:////folder/file.db or "
            "postgresql+psycopg://user@host/name"
        ) from error
    try:
        engine.connect().close()
    except DBAPIError as error:
        raise UsageError(
            f"the database {url.render_as_string()} cannot be reached "
            f"({_first_line(error.orig)}): start it, or change SQLALCHEMY_DATABASE_URI"
        ) from error


def _located(url: URL, instance: Path) -> URL:
    """Make the path of an SQLite file absolute as Flask-SQLAlchemy does."""
    is_file = url.database and not url.database.startswith((":memory:", "file:"))
    if url.get_backend_name() != "sqlite" or not is_file:
        return url
    return url.set(database=str(instance / str(url.database)))


def _first_line(error: object) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
