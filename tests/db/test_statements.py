"""Statements that are compiled once, and rows that are written without a flush."""

import pytest
from helpers.databases import on_each_database
from sqlalchemy import bindparam, inspect, update
from sqlalchemy.exc import IntegrityError

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.db.statements import execute_compiled, insert_row
from qhana_plugin_runner.db.unsaved import has_unsaved_changes

pytestmark = [pytest.mark.usefixtures("context"), on_each_database]

TABLE = ProcessingTask.__table__
RENAME = (
    update(TABLE)
    .where(TABLE.c.id == bindparam("of_task"))
    .values(task_name=bindparam("name"))
)


@pytest.fixture
def task(context):
    task = ProcessingTask("a-task")
    task.save(commit=True)
    return task


def file_of(task_id):
    file = TaskFile(None, "tag", "store", "a.txt", "data", "text")
    file.task_id = task_id
    return file


def test_a_statement_writes_in_the_transaction_of_the_session(task):
    for name in ("one", "two"):
        assert execute_compiled(RENAME, of_task=task.id, name=name).rowcount == 1
        assert has_unsaved_changes()
    DB.session.rollback()
    assert task.task_name == "a-task"
    execute_compiled(RENAME, of_task=task.id, name="three")
    DB.session.commit()
    assert task.task_name == "three"


def test_objects_are_written_before_a_statement(task):
    task.task_name = "of the object"
    execute_compiled(RENAME, of_task=task.id, name="of the statement")
    DB.session.commit()
    assert task.task_name == "of the statement"


def test_a_row_is_one_of_the_session(task):
    file = file_of(task.id)
    insert_row(file)
    assert inspect(file).persistent and file in DB.session
    assert DB.session.get(TaskFile, file.id) is file
    made_at = file.created_at
    DB.session.commit()
    assert (file.file_name, file.task, file.created_at) == ("a.txt", task, made_at)
    assert task.outputs == [file]
    file.file_name = "b.txt"
    DB.session.commit()
    assert DB.session.query(TaskFile.file_name).all() == [("b.txt",)]


def test_a_row_is_rolled_back(task):
    insert_row(file_of(task.id))
    DB.session.rollback()
    assert task.outputs == []


def test_errors_are_those_of_sqlalchemy(task):
    with pytest.raises(IntegrityError):
        insert_row(file_of(task.id + 1))
