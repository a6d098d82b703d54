"""Each migration leaves what the release before needs, which serves while the database is upgraded.

So a table, a column or a value goes one release after the last one that uses it.
"""

import pytest
from alembic.script import ScriptDirectory
from flask_migrate import upgrade
from helpers.runner import runner
from sqlalchemy import inspect, text

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.migrations import migrations_folder

RELEASED = "c3f1a9d2e706"
"""The newest migration of the release before, which is 1.0.0; to be changed with each release."""

LEFT_BEHIND = set()
"""What the release before has left behind, and does not use: ``table`` or ``table.column``."""


def newer():
    """Return the migrations since the release before."""
    scripts = ScriptDirectory(str(migrations_folder()))
    found = scripts.iterate_revisions("head", RELEASED)
    return [each.revision for each in found][::-1]


@pytest.fixture
def database(tmp_path):
    """The database of the release before."""
    with runner(tmp_path, tables=False) as app, app.app_context():
        upgrade(revision=RELEASED)
        yield


def tables():
    """Return the columns of each table, and what has to be unique in it."""
    seen = inspect(DB.engine)
    found = {}
    for table in seen.get_table_names():
        indexes = [*seen.get_indexes(table), *seen.get_unique_constraints(table)]
        unique = {
            tuple(each["column_names"]) for each in indexes if each.get("unique", True)
        }
        foreign = {
            tuple(each["constrained_columns"]) for each in seen.get_foreign_keys(table)
        }
        columns = {column["name"]: column for column in seen.get_columns(table)}
        found[table] = columns, unique, foreign
    return found


def what_breaks(before, after):
    """Yield why a release that knows the tables before cannot work with those after."""
    for table in before.keys() - after.keys() - LEFT_BEHIND:
        yield f"{table} is gone"
    for table in before.keys() & after.keys():
        (columns, *rules), (new_columns, *new_rules) = before[table], after[table]
        for name, column in columns.items():
            where, new = f"{table}.{name}", new_columns.get(name)
            if where in LEFT_BEHIND:
                continue
            if new is None:
                yield f"{where} is gone"
            elif str(new["type"]) != str(column["type"]):
                yield f"{where} has another type"
            elif column["nullable"] and not new["nullable"]:
                yield f"{where} must be given"
        for name in new_columns.keys() - columns.keys():
            if not new_columns[name]["nullable"] and new_columns[name]["default"] is None:
                yield f"{table}.{name} must be given"
        for old, new in zip(rules, new_rules):
            for names in new - old:
                if set(names) <= columns.keys():
                    yield f"{table}: values of {', '.join(names)} are refused"


@pytest.mark.parametrize("revision", newer())
def test_the_release_before_goes_on_after_a_migration(database, revision):
    before = tables()
    upgrade(revision=revision)
    assert list(what_breaks(before, tables())) == []


@pytest.mark.parametrize(
    "change, reason",
    [
        ('ALTER TABLE "ProcessingTask" ADD COLUMN color TEXT', None),
        ('ALTER TABLE "ProcessingTask" ADD COLUMN n INTEGER NOT NULL DEFAULT 0', None),
        ('CREATE INDEX names ON "ProcessingTask" (task_name)', None),
        ('CREATE TABLE "Color" (id INTEGER NOT NULL)', None),
        ('DROP TABLE "TaskLink"', "TaskLink is gone"),
        (
            'ALTER TABLE "ProcessingTask" DROP COLUMN progress_unit',
            "ProcessingTask.progress_unit is gone",
        ),
        (
            'ALTER TABLE "ProcessingTask" RENAME COLUMN task_name TO name',
            "ProcessingTask.task_name is gone",
        ),
        (
            'CREATE UNIQUE INDEX names ON "ProcessingTask" (task_name)',
            "ProcessingTask: values of task_name are refused",
        ),
    ],
)
def test_what_breaks_the_release_before_is_found(database, change, reason):
    before = tables()
    with DB.engine.begin() as connection:
        connection.execute(text(change))
    found = list(what_breaks(before, tables()))
    assert found == [] if reason is None else reason in found
