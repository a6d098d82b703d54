"""The data of a task status, read by one statement."""

from datetime import UTC, datetime

import pytest
from helpers.databases import on_each_database
from sqlalchemy import event, text

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models import task_details
from qhana_plugin_runner.db.models.task_details import read_task
from qhana_plugin_runner.db.models.tasks import TaskFile, TaskLink

pytestmark = [pytest.mark.usefixtures("context"), on_each_database]


def add_file(task, file_type="entity/list", mimetype="text/csv"):
    TaskFile(task, "tag", "store", "name", "data", file_type, mimetype).save(commit=True)


def test_a_plain_task_takes_one_statement_and_shows_what_others_wrote(task):
    task_id = task.id
    statements = []
    with DB.engine.connect() as other:
        other.execute(text("UPDATE \"ProcessingTask\" SET task_log = 'newer'"))
        other.commit()

    @event.listens_for(DB.engine, "before_cursor_execute")
    def count(_connection, _cursor, statement, *_):
        statements.append(statement)

    shown = read_task(task_id)
    assert (shown.log, *shown[2:]) == ("newer", [], [], [])
    assert len(statements) == 1


def test_details_are_there_once_others_have_added_them(task):
    assert read_task(task.id).steps == []
    task.add_next_step("href", "ui", "one", commit=True)
    task.clear_previous_step(commit=True)
    task.add_next_step("href", "ui", "two", commit=True)
    TaskLink(task, "type", "target").save(commit=True)
    task.add_task_log_entry("a line", commit=True)
    shown = read_task(task.id)
    assert [(step.step_id, step.cleared) for step in shown.steps] == [
        ("one", True),
        ("two", False),
    ]
    assert [(link.type, link.href) for link in shown.links] == [("type", "target")]
    assert shown.log == "a line"


def test_outputs_are_there_when_the_task_has_ended(task):
    for kind in ("temp-file", None, "", "entity/list"):
        add_file(task, file_type=kind)
    add_file(task, mimetype=None)
    assert read_task(task.id).outputs == []
    task.finished_at = datetime.now(UTC)
    task.save(commit=True)
    assert [file.file_type for file in read_task(task.id).outputs] == ["entity/list"]


def test_what_the_session_has_not_committed_is_seen_and_kept(task):
    task.task_name = "another"
    DB.session.flush()
    assert read_task(task.id).task.task_name == "another"
    DB.session.commit()
    assert read_task(task.id).task.task_name == "another"


@pytest.mark.parametrize("task_id", [0, -1, 99, 2**31, 2**70])
def test_an_id_without_a_task_gives_nothing(task_id):
    assert read_task(task_id) is None


def test_a_database_without_known_functions_is_read_by_plain_statements(
    task, monkeypatch
):
    for number in range(3):
        task.add_next_step("href", "ui", str(number), commit=True)
        task.clear_previous_step(commit=True)
        TaskLink(task, "type", "target").save(commit=True)
        task.add_task_log_entry("long " * 1000 + str(number), commit=True)
        add_file(task)
        add_file(task, file_type="temp-file")

    def read():
        shown = read_task(task.id)
        steps = [(step.step_id, step.href, step.cleared) for step in shown.steps]
        links = [(link.type, link.href) for link in shown.links]
        outputs = [(file.id, file.file_type) for file in shown.outputs]
        return shown.task.task_name, shown.log, steps, links, outputs

    for outputs in (0, 3):
        joined = read()
        assert len(joined[4]) == outputs
        with monkeypatch.context() as patched:
            patched.setattr(task_details, "_FUNCTIONS", {})
            assert read() == joined
            assert read_task(99) is None
        task.finished_at = datetime.now(UTC)
        task.save(commit=True)
