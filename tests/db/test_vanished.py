"""Connections to PostgreSQL over TCP notice that the other end has vanished."""

import os
import socket
import threading
from contextlib import closing

import pytest
from helpers.runner import runner
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from qhana_plugin_runner.db import DB

QUERY = "SELECT name, source FROM pg_settings WHERE name LIKE 'tcp%'"


@pytest.fixture
def tcp_database(postgresql_database):
    """The URL of an empty database behind a TCP port: the server of the tests has none."""
    url = make_url(postgresql_database)
    path = f"{url.query['host']}/.s.PGSQL.{url.query.get('port', 5432)}"
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=_forward, args=(listener, path), daemon=True).start()
        port = listener.getsockname()[1]
        tcp = url.set(host="127.0.0.1", port=port, query={})
        yield tcp.render_as_string(hide_password=False)


def _forward(listener, path):
    while True:
        try:
            client = listener.accept()[0]
        except OSError:
            return  # it is closed
        server = socket.socket(socket.AF_UNIX)
        server.connect(path)
        for pair in ((client, server), (server, client)):
            threading.Thread(target=_copy, args=pair, daemon=True).start()


def _copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return  # the other end is gone


def test_both_ends_ask_whether_the_other_one_is_there(tmp_path, tcp_database):
    uri = f"{tcp_database}?keepalives_idle=7"
    with runner(tmp_path, SQLALCHEMY_DATABASE_URI=uri, tables=False) as app:
        with app.app_context(), DB.engine.connect() as connection:
            sources = dict(map(tuple, connection.execute(text(QUERY))))
            driver = connection.connection.dbapi_connection
            with socket.socket(fileno=os.dup(driver.fileno())) as end:
                found = [
                    end.getsockopt(socket.IPPROTO_TCP, option)
                    for option in (socket.TCP_KEEPIDLE, socket.TCP_USER_TIMEOUT)
                ]
    assert set(sources.values()) == {"session"} and len(sources) == 4
    assert found == [7, 120_000]


def test_that_a_server_has_ended_a_connection_is_noticed_however_fresh_it_is(
    tmp_path, postgresql_database
):
    backend = text("SELECT pg_backend_pid()")
    end = text("SELECT pg_terminate_backend(:pid, 10000)")
    uri = postgresql_database
    with runner(tmp_path, SQLALCHEMY_DATABASE_URI=uri, tables=False) as app:
        with app.app_context():
            with DB.engine.connect() as connection:
                ended = connection.scalar(backend)
            other = create_engine(make_url(uri), poolclass=NullPool)
            with other.connect() as connection:
                assert connection.scalar(end, {"pid": ended})
            with DB.engine.connect() as connection:
                assert connection.scalar(backend) != ended
