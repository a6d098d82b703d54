"""Which errors of the database pass by themselves."""

import sqlite3

import pytest
from helpers.runner import runner
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.leases import MaintenanceLease
from qhana_plugin_runner.db.transient import is_transient, retry_transient


@pytest.fixture
def app(tmp_path):
    with runner(tmp_path, PLUGIN_FOLDERS=[]) as app, app.app_context():
        yield app


def error_of(statement):
    with pytest.raises(DBAPIError) as caught:
        DB.session.execute(statement)
    DB.session.rollback()
    return caught.value


def test_a_missing_table_or_column_does_not_pass(app):
    assert not is_transient(error_of(text("SELECT * FROM missing")))
    assert not is_transient(error_of(text('SELECT missing FROM "ProcessingTask" x')))


def test_a_violated_constraint_does_not_pass(app):
    lease = insert(MaintenanceLease).values(name="a", holder=None, expires_at=None)
    assert not is_transient(error_of(lease))


def test_a_lock_passes(app, tmp_path):
    DB.session.execute(text("PRAGMA busy_timeout=0"))
    other = sqlite3.connect(DB.engine.url.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    write = text("""UPDATE "ProcessingTask" SET task_name = 'a'""")
    try:
        assert is_transient(error_of(write))
        calls = []

        def write_at_last():
            if calls.append(None) or len(calls) == 2:
                other.rollback()
            return DB.session.execute(write).rowcount

        assert retry_transient(write_at_last) == 0
        assert len(calls) == 2
    finally:
        DB.session.rollback()
        other.close()


def test_a_wrong_statement_is_not_tried_again(app):
    calls = []

    def write():
        calls.append(None)
        DB.session.execute(text("SELECT * FROM missing"))

    with pytest.raises(DBAPIError):
        retry_transient(write)
    assert len(calls) == 1


def test_an_error_of_the_library_does_not_pass():
    assert not is_transient(SQLAlchemyError("wrong use"))
