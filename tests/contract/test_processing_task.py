"""What a task's row offers to plugins."""

from datetime import UTC, datetime

import pytest
from helpers.databases import on_each_database

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import (
    ProcessingTask,
    TaskFile,
    TaskLink,
    TaskUpdateSubscription,
)

pytestmark = on_each_database


@pytest.fixture
def app(empty_app):
    return empty_app


@pytest.fixture
def task(context):
    task = ProcessingTask(task_name="a-task", parameters="{}")
    task.save(commit=True)
    return task


def again(task):
    """Return the task as another process finds it."""
    DB.session.commit()
    number = task.id
    DB.session.expunge_all()
    return ProcessingTask.get_by_id(number)


@pytest.mark.parametrize(
    ("status", "is_finished", "is_ok", "shown"),
    [
        (None, False, False, "PENDING"),
        ("SUCCESS", False, True, "PENDING"),
        (None, True, False, "UNKNOWN"),
        ("SUCCESS", True, True, "SUCCESS"),
        ("FAILURE", True, False, "FAILURE"),
    ],
)
def test_status_is_finished_and_is_ok_follow_from_end_and_status(
    task, status, is_finished, is_ok, shown
):
    task.task_status = status
    task.finished_at = datetime.now(UTC) if is_finished else None
    assert (task.is_finished, task.is_ok, task.status) == (is_finished, is_ok, shown)


def test_get_by_id_finds_a_task_or_nothing(task):
    assert ProcessingTask.get_by_id(task.id) is task
    assert ProcessingTask.get_by_id(id_=task.id) is task
    assert ProcessingTask.get_by_id(task.id + 1) is None


def test_save_commits_when_asked(context):
    task = ProcessingTask("a-task")
    task.save()
    DB.session.rollback()
    assert DB.session.query(ProcessingTask).count() == 0
    task = ProcessingTask("a-task")
    task.save(commit=True)
    DB.session.rollback()
    assert DB.session.query(ProcessingTask).count() == 1


def test_the_log_is_appended_line_by_line(task):
    task.add_task_log_entry("one")
    task.add_task_log_entry("two", commit=True)
    DB.session.rollback()
    assert again(task).task_log == "one\ntwo"


def test_a_step_is_open_until_it_is_cleared(task):
    assert not task.has_uncleared_step
    task.add_next_step("/href/", "/ui/", "first", commit=True)
    assert task.has_uncleared_step
    task.clear_previous_step(commit=True)
    DB.session.rollback()
    assert not again(task).has_uncleared_step


def test_a_step_takes_its_arguments_by_position_and_by_name(task):
    task.add_next_step("/a/", "/a-ui/", "a")
    task.clear_previous_step()
    task.add_next_step(href="/b/", ui_href="/b-ui/", step_id="b", commit=True)
    shown = [(step.step_id, step.href, step.ui_href) for step in again(task).steps]
    assert shown == [("a", "/a/", "/a-ui/"), ("b", "/b/", "/b-ui/")]


def test_a_step_after_an_open_one_is_an_assertion_error(task):
    task.add_next_step("/a/", "/a-ui/", "a")
    with pytest.raises(AssertionError):
        task.add_next_step("/b/", "/b-ui/", "b")


@pytest.mark.parametrize(
    "value", [{"a": [1, {"b": None}]}, [1, "x"], "x", 1.5, True, None]
)
def test_data_is_any_json_value(task, value):
    task.data = value
    assert again(task).data == value


def test_nested_changes_of_data_are_noticed(task):
    task.data = {"list": [1, {"deep": {}}], "gone": 1}
    task = again(task)
    task.data["list"][1]["deep"]["key"] = "value"
    task.data["list"].append(2)
    del task.data["gone"]
    assert again(task).data == {"list": [1, {"deep": {"key": "value"}}, 2]}


def test_nested_changes_of_a_list_are_noticed(task):
    task.data = [[1], {"a": 1}]
    task = again(task)
    task.data[0].extend([2, 3])
    task.data[1].update(b=2)
    assert again(task).data == [[1, 2, 3], {"a": 1, "b": 2}]


def test_links_outputs_and_subscriptions_belong_to_the_task(task):
    TaskLink(task, "external", "http://x/").save()
    TaskUpdateSubscription(task, "http://w/", "http://t/", "status").save()
    file = TaskFile(task, "tag", "url_file_store", "name", "http://f/", "a/b", "text/csv")
    file.save(commit=True)
    task = again(task)
    assert [(link.type, link.href) for link in task.links] == [("external", "http://x/")]
    assert [output.file_name for output in task.outputs] == ["name"]
    assert [each.webhook_href for each in task.subscriptions] == ["http://w/"]
