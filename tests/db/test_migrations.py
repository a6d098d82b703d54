"""Ways in which a database comes to the newest tables, and those that are refused."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_migrate import check, downgrade, upgrade
from helpers.commands import flask
from helpers.product import CHECKOUT, outside_environment
from helpers.runner import runner
from sqlalchemy import inspect, text

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.cli import create_db_function, drop_db_function
from qhana_plugin_runner.db.migrations import migrations_folder

ORIGINAL = Path(__file__).with_name("original.db")
FIRST = "ff55b6ebbbd7"


def head():
    return ScriptDirectory(str(migrations_folder())).get_current_head()


def version():
    with DB.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def assert_no_drift():
    with DB.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, DB.metadata) == []
    check()


@pytest.fixture
def empty(tmp_path):
    with runner(tmp_path, tables=False) as app, app.app_context():
        yield tmp_path / "runner.db"


def put_original(path, *statements):
    shutil.copy(ORIGINAL, path)
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def columns(path):
    """Return the names of the columns of all tables but that with the version."""
    with closing(sqlite3.connect(path)) as connection:
        query = (
            "SELECT name FROM sqlite_master "
            "WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        tables = {name for (name,) in connection.execute(query)} - {"alembic_version"}
        pragma = "SELECT name FROM pragma_table_info(?)"
        return {
            table: [name for (name,) in connection.execute(pragma, (table,))]
            for table in tables
        }


def rows(path):
    """Return what the rows of all tables hold in the columns that the original has."""
    found = {}
    with closing(sqlite3.connect(path)) as connection:
        known = columns(ORIGINAL)
        for table, names in columns(path).items():
            if table not in known:
                continue
            wanted = ", ".join(f'"{name}"' for name in names if name in known[table])
            selected = connection.execute(f'SELECT {wanted} FROM "{table}"')
            found[table] = sorted(selected, key=repr)
    return found


def schema(path):
    """Return tables with columns, keys and indexes as SQLite describes them."""
    pragmas = ("table_info", "foreign_key_list", "index_list")
    with closing(sqlite3.connect(path)) as connection:
        query = (
            "SELECT name FROM sqlite_master "
            "WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        names = [name for (name,) in connection.execute(query)]
        return {
            (name, pragma): list(connection.execute(f"PRAGMA {pragma}('{name}')"))
            for name in names
            for pragma in pragmas
        }


def test_an_empty_database_is_brought_to_the_newest_tables(empty):
    upgrade()
    assert version() == head()
    assert_no_drift()


def test_the_first_migration_creates_exactly_the_tables_of_the_original(empty):
    upgrade(revision=FIRST)
    assert schema(empty) == schema(ORIGINAL)


def test_a_database_of_the_original_keeps_every_row(empty):
    put_original(empty)
    before = rows(ORIGINAL)
    assert sum(map(len, before.values())) == 16
    upgrade()
    assert rows(empty) == before
    assert version() == head()
    assert_no_drift()


def test_an_upgrade_can_be_repeated_and_undone(empty):
    put_original(empty)
    upgrade()
    upgrade()
    downgrade(revision=FIRST)
    assert rows(empty) == rows(ORIGINAL)
    assert schema(empty) == schema(ORIGINAL)
    upgrade()
    assert rows(empty) == rows(ORIGINAL)


@pytest.mark.parametrize(
    "loss", ["DROP TABLE alembic_version", "DELETE FROM alembic_version"]
)
def test_a_database_without_version_is_recognised(empty, loss):
    put_original(empty, loss)
    upgrade()
    assert version() == head()
    assert rows(empty) == rows(ORIGINAL)
    assert_no_drift()


@pytest.mark.parametrize(
    "change, lacking",
    [
        ('DROP TABLE "TaskLink"', "TaskLink.href"),
        ('ALTER TABLE "ProcessingTask" DROP COLUMN progress_unit', "progress_unit"),
    ],
)
def test_an_older_database_without_version_is_refused(tmp_path, change, lacking):
    put_original(
        tmp_path / "qhana_plugin_runner.db", "DROP TABLE alembic_version", change
    )
    before = rows(tmp_path / "qhana_plugin_runner.db")
    result = flask(tmp_path, "db", "upgrade")
    assert result.returncode == 1
    assert lacking in result.stderr
    assert "upgrade it with that runner first" in result.stderr
    assert "Traceback" not in result.stderr
    assert rows(tmp_path / "qhana_plugin_runner.db") == before


def test_the_commands_upgrade_and_find_no_drift(tmp_path):
    put_original(tmp_path / "qhana_plugin_runner.db")
    assert flask(tmp_path, "db", "upgrade").returncode == 0
    result = flask(tmp_path, "db", "check")
    assert result.returncode == 0, result.stderr
    assert head() in flask(tmp_path, "db", "current").stdout


def test_a_migration_leaves_foreign_keys_on(empty):
    upgrade()
    with DB.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_create_db_makes_a_new_database_that_needs_no_migration(empty):
    create_db_function(current_app._get_current_object())
    assert version() == head()
    upgrade()
    assert_no_drift()


def test_create_db_upgrades_a_database_of_the_original(empty):
    put_original(empty)
    create_db_function(current_app._get_current_object())
    assert version() == head()
    assert rows(empty) == rows(ORIGINAL)
    assert_no_drift()


def test_drop_db_drops_the_runners_tables_only(empty):
    upgrade()
    with DB.engine.begin() as connection:
        connection.execute(text("CREATE TABLE others (id INTEGER)"))
    drop_db_function(current_app._get_current_object())
    assert inspect(DB.engine).get_table_names() == ["others"]
    upgrade()
    assert_no_drift_but_others()


def assert_no_drift_but_others():
    with DB.engine.connect() as connection:
        differences = compare_metadata(
            MigrationContext.configure(connection), DB.metadata
        )
    assert [(kind, table.name) for kind, table in differences] == [
        ("remove_table", "others")
    ]


def test_the_commands_create_and_drop(tmp_path):
    assert flask(tmp_path, "create-db").returncode == 0
    assert "ProcessingTask" in rows(tmp_path / "qhana_plugin_runner.db")
    assert flask(tmp_path, "drop-db").returncode == 0
    assert rows(tmp_path / "qhana_plugin_runner.db") == {}


def test_postgresql_gets_the_same_tables_and_loses_them_again(
    tmp_path, postgresql_database
):
    uri = postgresql_database
    with runner(tmp_path, tables=False, SQLALCHEMY_DATABASE_URI=uri) as app:
        with app.app_context():
            upgrade()
            assert version() == head()
            assert_no_drift()
            downgrade(revision="base")
            assert inspect(DB.engine).get_table_names() == ["alembic_version"]


def test_two_that_upgrade_one_database_at_once_wait_for_each_other(
    tmp_path, postgresql_database
):
    both = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "flask",
                "--app",
                "qhana_plugin_runner",
                "db",
                "upgrade",
            ],
            env=outside_environment(
                QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path),
                SQLALCHEMY_DATABASE_URI=postgresql_database,
                PLUGIN_FOLDERS="",
            ),
            cwd=CHECKOUT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    errors = [each.communicate()[1] for each in both]
    assert [each.returncode for each in both] == [0, 0], errors
    assert sorted("Running upgrade" in text for text in errors) == [False, True], errors
