"""An id is given to one task only: URLs hold it. Databases of before are rebuilt for it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask_migrate import downgrade, upgrade
from helpers.databases import on_each_database
from helpers.runner import runner
from helpers.writers import in_processes
from sqlalchemy import inspect
from sqlalchemy.exc import OperationalError

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskLogEntry

ORIGINAL = Path(__file__).with_name("original.db")
BEFORE, NOW = "c3f1a9d2e701", "c3f1a9d2e703"


@pytest.fixture
def original(tmp_path):
    """Path of a database of the original, inside of the context of its app."""
    shutil.copy(ORIGINAL, tmp_path / "runner.db")
    with runner(tmp_path, tables=False) as app, app.app_context():
        yield tmp_path / "runner.db"


def newest_task():
    """Create a task and return its id."""
    task = ProcessingTask("a-task")
    task.save(commit=True)
    return task.id


def assert_id_is_not_given_again():
    first = newest_task()
    DB.session.delete(ProcessingTask.get_by_id(first))
    DB.session.commit()
    assert newest_task() > first


def execute(path, *statements):
    with closing(sqlite3.connect(path)) as connection:
        found = [list(connection.execute(statement)) for statement in statements]
        connection.commit()
        return found


def what_there_is(path):
    """Return tables, indexes and views as they were created, and all rows of tasks."""
    return execute(
        path,
        "SELECT type, name, tbl_name, sql FROM sqlite_master "
        "WHERE name NOT LIKE 'sqlite_%' ORDER BY name",
        'SELECT * FROM "ProcessingTask" ORDER BY id',
    )


@on_each_database
def test_the_id_of_a_deleted_task_leads_to_no_other_one(context):
    assert_id_is_not_given_again()


def test_nor_in_an_upgraded_database(original):
    upgrade()
    assert newest_task() == 5
    assert_id_is_not_given_again()


def test_nor_when_all_tasks_are_deleted(original):
    upgrade()
    for task in DB.session.query(ProcessingTask):
        DB.session.delete(task)
    DB.session.commit()
    assert newest_task() == 5


def test_everything_is_there_again_when_the_table_was_rebuilt(original):
    upgrade(revision=BEFORE)
    execute(
        original,
        """ALTER TABLE "ProcessingTask" ADD own TEXT NOT NULL DEFAULT 'it''s'""",
        'CREATE INDEX own_index ON "ProcessingTask" (own, id) WHERE own IS NOT NULL',
        'CREATE VIEW own_view AS SELECT id, own FROM "ProcessingTask"',
    )
    indexes, tasks = what_there_is(original)
    upgrade(revision=NOW)
    assert what_there_is(original)[1] == tasks
    (changed,) = [row for row in what_there_is(original)[0] if row not in indexes]
    assert changed[:2] == ("table", "ProcessingTask") and "AUTOINCREMENT" in changed[3]
    assert execute(original, "PRAGMA foreign_key_check", "PRAGMA integrity_check") == [
        [],
        [("ok",)],
    ]
    execute(original, 'INSERT INTO "ProcessingTask" (task_log) VALUES (1)')
    assert execute(original, "SELECT own FROM own_view WHERE id = 5") == [[("it's",)]]
    downgrade(revision=BEFORE)
    after = {row[:3] for row in what_there_is(original)[0]}
    assert after == {row[:3] for row in indexes}
    assert what_there_is(original)[1][:-1] == tasks
    assert "AUTOINCREMENT" not in str(what_there_is(original)[0])


def test_rows_of_other_tables_still_belong_to_their_task(original):
    upgrade()
    task = ProcessingTask.get_by_id(4)
    assert [step.step_id for step in task.steps] == ["demo-step"]
    task.add_task_log_entry("a line", commit=True)
    DB.session.delete(task)
    DB.session.commit()
    assert DB.session.query(TaskLogEntry).count() == 0
    orphan = 'INSERT INTO "Step" (id, number) VALUES (4, 1)'
    with DB.engine.connect() as connection, pytest.raises(Exception, match="FOREIGN KEY"):
        connection.exec_driver_sql(orphan)


def test_a_failed_upgrade_changes_nothing(original):
    execute(original, 'CREATE TABLE "_alembic_tmp_ProcessingTask" (id INTEGER)')
    before = what_there_is(original)
    with pytest.raises(OperationalError, match="already exists"):
        upgrade()
    assert what_there_is(original) == before
    with DB.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert "state" not in str(inspect(connection).get_columns("ProcessingTask"))


def upgraded(_folder, _number):
    upgrade()
    return ProcessingTask.get_by_id(1).task_status


def test_processes_may_upgrade_at_once(original, tmp_path):
    assert in_processes(upgraded, tmp_path, [1, 2, 3]) == ["SUCCESS"] * 3
