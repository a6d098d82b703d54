"""The rows of tasks as plugins write and read them."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path

import pytest
from helpers.databases import on_each_database
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import (
    ProcessingTask,
    Step,
    TaskFile,
    TaskLink,
    TaskLogEntry,
    TaskUpdateSubscription,
    WebhookDelivery,
    WebhookRef,
)
from qhana_plugin_runner.db.models.workbench import RunInput, RunValues
from qhana_plugin_runner.tasking.outbox import enqueue

pytestmark = [pytest.mark.usefixtures("context"), on_each_database]

SURFACE = json.loads(
    Path(__file__).parents[1].joinpath("contract/surface.json").read_text("utf-8")
)
MODELS = [
    (module, name, spec)
    for module, names in SURFACE.items()
    for name, spec in names.items()
    if "table" in spec
]


def saved(**values):
    task = ProcessingTask("a-task", **values)
    task.save(commit=True)
    return task


def raw(column, table="ProcessingTask"):
    """Return what the database holds, without the models' conversions."""
    return DB.session.execute(text(f'SELECT {column} FROM "{table}"')).scalar_one()


@pytest.mark.parametrize(
    "module, name, spec", MODELS, ids=[name for _, name, _ in MODELS]
)
def test_models_take_their_parameters_by_position_and_by_keyword(module, name, spec):
    model = getattr(import_module(module), name)
    names = [parameter.rstrip("=") for parameter in spec["params"]]
    keys = {prop.key: prop for prop in inspect(model).mapper.attrs}
    values = []
    for parameter in names:
        is_list = getattr(keys[parameter], "uselist", None)
        values.append([] if is_list else None)
    by_position, by_keyword = model(*values), model(**dict(zip(names, values)))
    for parameter, value in zip(names, values):
        assert getattr(by_position, parameter) == value
        assert getattr(by_keyword, parameter) == value
    required = [name for name in spec["params"] if not name.endswith("=")]
    model(*[None] * len(required))
    with pytest.raises(TypeError):
        model(*[None] * (len(required) - 1))


def test_a_new_task_has_the_defaults_of_the_original():
    task = saved()
    assert (task.data, task.parameters, task.task_log) == ({}, "", "")
    assert (task.multi_step, task.current_step) == (False, -1)
    assert task.progress_value is None
    assert (task.progress_start, task.progress_target, task.progress_unit) == (
        0,
        100,
        "%",
    )
    assert (task.steps, task.outputs, task.links, task.subscriptions) == ([], [], [], [])
    assert task.started_at.tzinfo is None
    assert task.finished_at is None and task.task_status is None


def test_the_id_is_known_after_a_commit_and_all_else_is_read_again():
    task = ProcessingTask("a-task")
    task.save(commit=True)
    assert task.id == 1 and not DB.session().in_transaction()
    with DB.engine.begin() as connection:
        connection.execute(text("UPDATE \"ProcessingTask\" SET task_name = 'other'"))
    assert task.task_name == "other" and task.id == 1
    DB.session.commit()
    with DB.engine.begin() as connection:
        connection.execute(text('DELETE FROM "ProcessingTask"'))
    assert ProcessingTask.get_by_id(1) is None


def test_a_task_that_only_its_link_holds_goes_in_a_rollback():
    task = saved()
    TaskLink(task=task, type="other", href="/").save(commit=True)
    del task
    DB.session.expunge_all()
    link = DB.session.get(TaskLink, 1)
    assert link.task.task_name == "a-task"
    DB.session.rollback()
    assert link.task.id == 1


def test_save_without_commit_can_be_rolled_back():
    ProcessingTask("a-task").save()
    DB.session.rollback()
    assert ProcessingTask.get_by_id(1) is None


@pytest.mark.parametrize(
    "finished, task_status, status, is_ok",
    [
        (False, None, "PENDING", False),
        (False, "SUCCESS", "PENDING", True),
        (True, "SUCCESS", "SUCCESS", True),
        (True, "FAILURE", "FAILURE", False),
        (True, None, "UNKNOWN", False),
    ],
)
def test_the_status_follows_from_end_and_status(finished, task_status, status, is_ok):
    finished_at = datetime.now(UTC) if finished else None
    task = saved(finished_at=finished_at, task_status=task_status)
    assert (task.status, task.is_ok, task.is_finished) == (status, is_ok, finished)


@pytest.mark.parametrize(
    "given",
    [
        datetime(2024, 5, 6, 7, 8, 9, 123456),
        datetime(2024, 5, 6, 7, 8, 9, 123456, UTC),
        datetime(2024, 5, 6, 9, 8, 9, 123456, timezone(timedelta(hours=2))),
    ],
    ids=["naive", "utc", "other zone"],
)
def test_times_are_stored_and_read_as_utc(given):
    task = ProcessingTask("a-task", started_at=given)
    assert task.started_at == datetime(2024, 5, 6, 7, 8, 9, 123456)
    task.save(commit=True)
    if DB.engine.dialect.name == "sqlite":  # as the original wrote them
        assert raw("started_at") == "2024-05-06 07:08:09.123456"
    assert task.started_at == datetime(2024, 5, 6, 7, 8, 9, 123456)
    same = DB.session.query(ProcessingTask).filter(ProcessingTask.started_at == given)
    assert same.one() is task
    task.finished_at = given
    assert (task.finished_at - task.started_at).total_seconds() == 0


def test_a_time_that_is_not_set_stays_none():
    task = saved(started_at=None)
    assert raw("started_at") is None
    assert task.started_at is None


def test_log_entries_are_lines():
    task = saved()
    task.add_task_log_entry("one")
    task.add_task_log_entry("two", commit=True)
    assert raw("task_log") == ""
    assert ProcessingTask.get_by_id(task.id).task_log == "one\ntwo"
    assert [entry.text for entry in task.log_entries] == ["one", "two"]


def test_log_entries_can_be_added_to_rows_that_are_not_flushed():
    task = ProcessingTask("a-task")
    task.add_task_log_entry("before")
    task.save()
    task.add_task_log_entry("pending")
    DB.session.flush()
    task.add_task_log_entry("flushed", commit=True)
    assert task.task_log == "before\npending\nflushed"


def test_appended_steps_are_numbered_by_their_position():
    task = saved()
    for name in ("first", "second"):
        task.steps.append(Step(task.id, name, "href", "ui"))
    DB.session.commit()
    third = Step(task.id, "third", "href", "ui", number=7)
    third.task = task
    task.save(commit=True)
    DB.session.expire_all()
    assert [(step.number, step.step_id) for step in task.steps] == [
        (0, "first"),
        (1, "second"),
        (2, "third"),
    ]


def test_steps_of_a_task_that_is_in_no_session_need_no_app():
    def make():  # in a thread, which has no app context
        task = ProcessingTask("a-task")
        task.steps.append(Step(1, "first", "href", "ui"))
        Step(1, "second", "href", "ui").task = task
        return [(step.step_id, step.number) for step in task.steps]

    with ThreadPoolExecutor() as threads:
        assert threads.submit(make).result() == [("first", 0), ("second", 1)]


def test_any_step_that_is_not_cleared_counts_as_open():
    task = saved()
    for name in ("first", "second"):
        task.add_next_step("process/", "ui/", name)
        task.clear_previous_step()
    assert not task.has_uncleared_step
    task.steps[0].cleared = False
    assert task.has_uncleared_step
    task.add_next_step("process/", "ui/", "third", commit=True)  # the last one is cleared


def test_what_belongs_to_a_deleted_task_goes_with_it():
    task, other = saved(), saved()
    for each in (task, other):
        each.add_next_step("process/", "ui/", "first")
        each.add_task_log_entry("a line", commit=True)
        DB.session.add(RunValues(each.id, "a-plugin", "a=1"))
        DB.session.add(RunInput(each.id, 0, "key", "url"))
        TaskUpdateSubscription(each, "http://hook", "http://task").save(commit=True)
        enqueue(each.id, "steps")
        DB.session.commit()
    DB.session.delete(task)
    DB.session.commit()
    for model in (
        ProcessingTask,
        Step,
        TaskLogEntry,
        RunValues,
        RunInput,
        WebhookDelivery,
    ):
        assert DB.session.query(model).count() == 1, model
    assert other.task_log == "a line"


@pytest.mark.parametrize("number", [2**31, 2**63, 10**24, -(10**24)])
def test_no_row_has_an_id_that_its_column_cannot_hold(number):
    task = saved()
    assert ProcessingTask.get_by_id(number) is None
    assert TaskFile.get_by_id(number) is None
    assert DB.session.get(Step, (number, 0)) is DB.session.get(Step, (0, number)) is None
    assert DB.session.get(TaskLink, {"id": number}) is None
    assert TaskFile.get_task_result_files(number) == []
    assert TaskUpdateSubscription.get_by_task_and_event(number) == []
    assert TaskUpdateSubscription.get_by_task_and_subscriber(number, "hook") == []
    assert ProcessingTask.get_with_details(number) is None
    assert ProcessingTask.get_by_id(task.id) is task


def test_steps_are_counted_and_cleared_one_after_the_other():
    task = saved()
    task.clear_previous_step()
    assert not task.has_uncleared_step
    task.add_next_step("process/", "ui/", "first", commit=True)
    assert task.multi_step and task.current_step == 0 and task.has_uncleared_step
    with pytest.raises(AssertionError, match="'first'"):
        task.add_next_step("process/", "ui/", "second")
    task.clear_previous_step(commit=True)
    task.add_next_step(href="2/process/", ui_href="2/ui/", step_id="second", commit=True)
    DB.session.expire_all()
    assert [(s.number, s.step_id, s.cleared) for s in task.steps] == [
        (0, "first", True),
        (1, "second", False),
    ]
    assert task.current_step == 1


def test_a_step_can_be_added_before_the_task_is_saved():
    task = ProcessingTask("a-task")
    task.add_next_step("process/", "ui/", "first", commit=True)
    assert DB.session.get(Step, (task.id, 0)).href == "process/"


def test_a_step_needs_its_task():
    DB.session.add(Step(999, "step", "href", "ui"))
    with pytest.raises(IntegrityError):
        DB.session.commit()


def test_links_files_and_subscriptions_belong_to_the_task_they_are_given():
    task = saved()
    TaskLink(task, "type", "href").save(commit=True)
    TaskUpdateSubscription(task, "http://hook", "http://task").save(commit=True)
    TaskFile(task, "tag", "store", "name", "data", "type").save(commit=True)
    assert [link.href for link in task.links] == ["href"]
    assert [known.webhook_href for known in task.subscriptions] == ["http://hook"]
    assert [file.file_name for file in task.outputs] == ["name"]
    assert task.outputs[0].created_at.tzinfo is None
    assert TaskFile.get_by_id(task.outputs[0].id) is task.outputs[0]


def test_result_files_are_those_with_both_types_in_the_order_they_were_saved():
    task, other = saved(), saved()
    for name, file_type, mimetype in [
        ("b", "entity/list", "text/csv"),
        ("temporary", "temp-file", "text/csv"),
        ("untyped", None, "text/csv"),
        ("no mime type", "entity/list", None),
        ("a", "entity/list", "text/csv"),
    ]:
        TaskFile(task, "tag", "store", name, "data", file_type, mimetype).save()
    TaskFile(other, "tag", "store", "other", "data", "type", "text/csv").save(commit=True)
    for asked in (task, task.id):
        names = [file.file_name for file in TaskFile.get_task_result_files(asked)]
        assert names == ["b", "a"]


def test_subscribers_of_an_event_are_its_own_and_those_of_all_events_each_once():
    task = saved()
    for hook, name in [("a", "steps"), ("b", None), ("a", None), ("c", "status")]:
        TaskUpdateSubscription(task, hook, "task", name).save(commit=True)
    by_event = TaskUpdateSubscription.get_by_task_and_event
    assert by_event(task, "steps") == [WebhookRef("a", "task"), WebhookRef("b", "task")]
    assert by_event(task.id, "details") == [("b", "task"), ("a", "task")]
    assert by_event(task) == [("a", "task"), ("b", "task"), ("c", "task")]
    find = TaskUpdateSubscription.get_by_task_and_subscriber
    assert [each.event_type for each in find(task, "a")] == ["steps", None]
    assert [each.event_type for each in find(task.id, "a", "steps")] == ["steps"]
    assert find(task, "b", "steps") == find(task, "d") == []


def test_a_subscription_to_all_events_and_one_to_a_single_event_are_both_kept_once():
    task = saved()
    for name in (None, "steps", None, "steps"):
        TaskUpdateSubscription.subscribe(task, "hook", "task", name)
    assert [each.event_type for each in task.subscriptions] == [None, "steps"]
