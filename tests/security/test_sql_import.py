"""sql-import with PostgreSQL: what it reads, and what nobody can make it do."""

import sys

import pytest
from helpers.databases import empty_database
from helpers.product import CHECKOUT
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.testing.running import TaskFailed, plugin_app, running

PLUGIN = CHECKOUT / "plugins" / "sql_import"

TYPES = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE SCHEMA "other place";
CREATE TABLE "other place".things (
    id serial PRIMARY KEY, price numeric, ratio float8, at timestamptz, day date, hour time,
    ok boolean, data bytea, tags text[], numbers integer[], doc jsonb, mood mood, key uuid,
    place point);
COMMENT ON COLUMN "other place".things.price IS 'In euros';
INSERT INTO "other place".things VALUES (
    1, 1234567890123456789.123456789, 0.1, '2025-12-31 23:59:59+00', '2025-12-31', '08:30',
    true, '\\x00ff', '{a,NULL,c}', '{1,2}', '{"a": [1]}', 'good',
    '00000000-0000-0000-0000-000000000001', '(1,2)');
INSERT INTO "other place".things (id) VALUES (2);
CREATE TABLE many AS SELECT n, 'row ' || n AS name FROM generate_series(1, 5000) n;
CREATE TABLE written (n integer);
CREATE FUNCTION write() RETURNS integer LANGUAGE plpgsql VOLATILE AS
    $$ BEGIN INSERT INTO written VALUES (1); RETURN 1; END $$;
CREATE VIEW sly AS SELECT write() AS n;
CREATE USER sql_reader PASSWORD 'a pass''word %% @:/ of its own';
GRANT SELECT ON many, written, sly TO sql_reader;
GRANT USAGE ON SCHEMA "other place" TO sql_reader;
"""
"""A table with values of many types, and a view that would change something."""

PASSWORD = "a pass'word % @:/ of its own"


@pytest.fixture(scope="module")
def server(postgresql):
    """The URL of a PostgreSQL database with the tables, as its owner sees it."""
    with empty_database(postgresql) as uri:
        with create_engine(uri, poolclass=NullPool).begin() as connection:
            connection.exec_driver_sql(TYPES)
        yield make_url(uri)
    with create_engine(postgresql, poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql("DROP USER sql_reader")


@pytest.fixture(scope="module")
def in_postgresql(server):
    """Runs sql-import as a user; returns the task that asks for the table."""
    url = server._replace(username=None, password=None)
    shown = url.render_as_string()
    with plugin_app([PLUGIN], SQL_IMPORT_URLS=[shown]) as app, running(app) as run:

        def start(**inputs):
            task = run("sql-import", url=shown, **inputs)
            task.app = run.app
            return task

        yield start


def test_values_of_many_types(in_postgresql, server):
    task = in_postgresql(user_name=server.username)
    task.answer("choose_table", table='"other place".things')
    full, empty = task.answer("choose_columns").outputs["entities"].entities()
    assert full == {
        "ID": "1",
        "price": "1234567890123456789.123456789",
        "ratio": "0.1",
        "at": "2025-12-31T23:59:59+00:00",
        "day": "2025-12-31",
        "hour": "08:30:00",
        "ok": "true",
        "data": "00ff",
        "tags": "a;;c",
        "numbers": "1;2",
        "doc": '{"a": [1]}',
        "mood": "good",
        "key": "00000000-0000-0000-0000-000000000001",
        "place": "(1,2)",
    }
    assert set(empty.values()) == {"2", ""}
    described = {each["ID"]: each for each in task.outputs["attributes"].json()}
    assert described["price"]["description"] == "In euros"
    assert (described["tags"]["multiple"], described["tags"]["type"]) == (True, "string")
    assert described["numbers"]["type"] == "integer"
    assert described["at"]["type"] == "datetime"


def test_many_rows_are_streamed(in_postgresql, server):
    task = in_postgresql(user_name=server.username).answer("choose_table", table="many")
    rows = task.answer("choose_columns").outputs["entities"].entities()
    assert len(rows) == 5000
    assert {"ID": "1", "n": "1", "name": "row 1"} in rows


def test_nothing_is_changed(in_postgresql, server):
    task = in_postgresql(user_name=server.username).answer("choose_table", table="sly")
    with pytest.raises(TaskFailed, match="read-only transaction"):
        task.answer("choose_columns")
    with create_engine(server, poolclass=NullPool).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM written")) == 0


def test_the_password_is_seen_nowhere(in_postgresql, server, caplog):
    task = in_postgresql(user_name="sql_reader", password=PASSWORD)
    task.answer("choose_table", table='"other place".things')
    with pytest.raises(TaskFailed, match="permission denied") as failed:
        task.answer("choose_columns")
    with task.app.app_context():
        row = ProcessingTask.get_by_id(task.id)
        kept = f"{row.parameters} {row.data}"
    assert '"password": "secret:' in kept
    assert "of its own" not in f"{kept} {failed.value.task.log} {caplog.text}"


def test_the_account_of_the_runner_lends_nothing(
    in_postgresql, server, monkeypatch, tmp_path
):
    with pytest.raises(TaskFailed, match="Enter your user name"):
        in_postgresql()
    seen = {}
    monkeypatch.setenv("PGPASSWORD", "of the operator")
    databases = sys.modules["sql_import.databases"]
    make = databases.create_engine

    def note(url, **options):
        seen.update(options["connect_args"])
        return make(url, **options)

    monkeypatch.setattr(databases, "create_engine", note)
    in_postgresql(user_name=server.username)
    assert seen["password"] == ""
    assert seen["passfile"] == seen["sslcert"] == databases.NOWHERE


def test_user_names_are_only_names(in_postgresql):
    for name in (
        "x passfile=/etc/passwd",
        "x' host='elsewhere",
        "postgresql://elsewhere",
    ):
        with pytest.raises(TaskFailed, match=f'role "{name}" does not exist'):
            in_postgresql(user_name=name)
