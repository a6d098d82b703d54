"""Connection errors of the database, explained in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from ..errors import OperatorError


class DatabaseUnreachable(OperatorError):
    """The driver of the database is missing, or the server does not answer."""


@contextmanager
def connection_errors(url: URL) -> Iterator[None]:
    """Explain connection errors in the ``with`` block.

    Raises:
        DatabaseUnreachable: an error of the driver or of the file system was raised.
    """
    try:
        yield
    except (ImportError, NoSuchModuleError) as error:
        raise DatabaseUnreachable(
            f"the driver of the database {url.drivername} is missing "
            f"({_first_line(error)}): install it, or change SQLALCHEMY_DATABASE_URI"
        ) from error
    except (DBAPIError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        # The query may contain a password.
        shown = url.set(query={}).render_as_string()
        raise DatabaseUnreachable(
            f"the database {shown} cannot be reached "
            f"({_first_line(cause)}): start it, or change SQLALCHEMY_DATABASE_URI"
        ) from error


@contextmanager
def connect(uri: str, instance: Path) -> Iterator[Connection]:
    """Connect to a database without an app.

    Args:
        uri: the setting ``SQLALCHEMY_DATABASE_URI``.
        instance: the folder to which paths of SQLite files are relative.

    Raises:
        DatabaseUnreachable: the driver is missing, or the server does not answer.
    """
    url = make_url(uri)
    with connection_errors(url):
        engine = create_engine(_located(url, instance), poolclass=NullPool)
        connection = engine.connect()
    with connection:
        yield connection


def _located(url: URL, instance: Path) -> URL:
    """Make the path of an SQLite file absolute as Flask-SQLAlchemy does."""
    is_file = url.database and not url.database.startswith((":memory:", "file:"))
    if url.get_backend_name() != "sqlite" or not is_file:
        return url
    return url.set(database=str(instance / str(url.database)))


def _first_line(error: object) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
