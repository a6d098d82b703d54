"""How the tests of plugins run tasks: directly, eagerly, and with a worker in a thread."""

import sys
import threading
from contextlib import contextmanager
from threading import Event

import pytest
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Retry
from celery.signals import task_retry, task_success
from helpers.outbox import make_due
from helpers.receiver import receiving
from helpers.runner import runner
from sqlalchemy.pool import StaticPool

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.errors import TaskNotSaved
from qhana_plugin_runner.tasks import (
    TASK_DETAILS_CHANGED,
    TASK_STEPS_CHANGED,
    save_task_error,
    save_task_result,
)


@pytest.fixture
def app(tmp_path, plugin_folders):
    in_memory = {
        "SQLALCHEMY_DATABASE_URI": "sqlite:///:memory:",
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "poolclass": StaticPool,
            "connect_args": {"check_same_thread": False},
        },
    }
    with runner(tmp_path, PLUGIN_FOLDERS=plugin_folders, **in_memory) as app:
        yield app


@pytest.fixture
def habits(app):
    return sys.modules["habits"]


@pytest.fixture
def number(app):
    with app.app_context():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        return task.id


def test_a_task_that_is_called_directly_uses_the_callers_session(app, habits, number):
    with app.app_context():
        assert habits.who_am_i(db_id=number) == "called directly"
        task = ProcessingTask("not committed")
        task.save()
        DB.session.flush()
        with pytest.raises(Retry):
            habits.retry(db_id=task.id)
        assert task.data == {"tries": 1}


def test_a_task_that_is_called_directly_brings_its_own_context(habits, number):
    save_task_result("log", db_id=number)
    with CELERY.flask_app.app_context():
        assert ProcessingTask.get_by_id(number).is_ok


def test_an_eager_task_knows_its_request(app, habits, number):
    result = habits.who_am_i.apply(kwargs={"db_id": number})
    assert result.get() == result.id


@pytest.mark.parametrize("name, log", [("replace", "replaced!"), ("retry", "3 tries")])
def test_an_eager_task_may_be_replaced_or_tried_again(app, habits, number, name, log):
    with app.app_context():
        assert getattr(habits, name).apply(kwargs={"db_id": number}).get() == log


def test_a_worker_in_a_thread_runs_a_chain(app, habits, number):
    ended = Event()

    def end(**_details):
        ended.set()

    task_success.connect(end, sender=save_task_result)
    with start_worker(CELERY, pool="solo", perform_ping_check=False):
        with app.app_context():
            work = habits.echo.s("log", db_id=number) | save_task_result.s(db_id=number)
            work.link_error(save_task_error.s(db_id=number))
            work.apply_async()
        # Both have the one connection: nothing may be asked while the worker works.
        assert ended.wait(30)
    status = app.test_client().get(f"/tasks/{number}/").get_json()
    assert (status["status"], status["log"]) == ("SUCCESS", "log")


@contextmanager
def eager():
    CELERY.conf.task_always_eager = True
    try:
        yield
    finally:
        CELERY.conf.task_always_eager = False


@pytest.fixture
def webhook(app, number):
    """A receiver that is subscribed to all changes of the task."""
    with receiving() as receiver:
        command = {"command": "subscribe", "webhookHref": receiver.url, "event": None}
        answer = app.test_client().post(f"/tasks/{number}/", json=command)
        assert answer.status_code == 200
        yield receiver


def test_a_worker_in_a_thread_calls_webhooks(app, habits, number, webhook):
    threads = threading.active_count()
    with start_worker(CELERY, pool="solo", perform_ping_check=False):
        with app.app_context():
            work = habits.echo.s("log", db_id=number) | save_task_result.s(db_id=number)
            work.apply_async()
        assert webhook.next_event()[1] == "status"
        assert webhook.next_event()[1] == "details"
        names = {thread.name for thread in threading.enumerate()}
        assert not any(name.startswith(("webhook-", "maintenance-")) for name in names)
    assert threading.active_count() <= threads + 1


def test_a_call_that_has_failed_is_made_again_with_the_next_change(app, number, webhook):
    webhook.statuses.put(503)
    with eager(), app.app_context():
        TASK_STEPS_CHANGED.send(app, task_id=number)
        assert webhook.events() == ["steps"]
        make_due()
        TASK_DETAILS_CHANGED.send(app, task_id=number)
        assert sorted(webhook.events()) == ["details", "steps"]


def test_eager_mode_calls_webhooks_at_once(app, number, webhook):
    with eager(), app.app_context():
        task = ProcessingTask.get_by_id(number)
        task.add_next_step("href", "ui", "step")
        TASK_STEPS_CHANGED.send(app, task_id=number)
        assert not webhook.called()
        task.save(commit=True)
        assert webhook.events() == ["steps"]
        task.clear_previous_step(commit=True)  # the session goes on
        TASK_DETAILS_CHANGED.send(app, task_id=number)
        assert webhook.events() == ["details"]


def log_of(app, number):
    return app.test_client().get(f"/tasks/{number}/").get_json()


@contextmanager
def until_error_is_saved():
    """Run a worker until it has saved an error."""
    ended = Event()

    def end(**_details):
        ended.set()

    task_success.connect(end, sender=save_task_error)
    with start_worker(CELERY, pool="solo", perform_ping_check=False):
        yield
        assert ended.wait(30)


class Custom(BaseException):
    pass


@pytest.mark.parametrize(
    "error, told",
    [
        (KeyboardInterrupt(), "the task raised KeyboardInterrupt"),
        (GeneratorExit("g"), "the task raised GeneratorExit: g"),
        (Custom("two\nlines"), "the task raised Custom: two lines"),
        (SystemExit(4), "the task called exit(4)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_a_task_raises_ends_it(app, habits, number, error, told):
    habits.NEXT_ERROR.append(error)
    with until_error_is_saved(), app.app_context():
        work = habits.raise_next.s(db_id=number)
        work = work | save_task_result.s(db_id=number)
        work.link_error(save_task_error.s(db_id=number))
        work.apply_async()
    status = log_of(app, number)
    assert status["status"] == "FAILURE"
    assert status["log"].startswith(f"Task failed with RunnerError: {told}\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), pytest.skip.Exception("not now")])
@pytest.mark.parametrize("call", ["direct", "eager"])
def test_whatever_a_task_raises_reaches_whoever_called_it_here(
    app, habits, number, error, call
):
    habits.NEXT_ERROR.append(error)
    run = habits.raise_next if call == "direct" else habits.raise_next.s().apply
    arguments = {"db_id": number}
    with app.app_context(), pytest.raises(type(error)) as raised:
        run(**arguments) if call == "direct" else run(kwargs=arguments)
    assert raised.value is error


def test_an_error_whose_record_comes_late_is_told(app, habits, number):
    def record(**_details):
        CELERY.backend.store_result("late-id", ValueError("late"), "FAILURE")

    task_retry.connect(record, sender=save_task_error)
    with until_error_is_saved(), app.app_context():
        save_task_error.apply_async(("late-id",), {"db_id": number})
    assert log_of(app, number)["log"] == "Task failed with ValueError: late"


@pytest.mark.parametrize(
    "send",
    [
        lambda habits: habits.echo.s("x", db_id=None).apply_async(),
        lambda habits: habits.echo.apply(args=["x"], kwargs={"db_id": None}),
        lambda habits: (
            habits.echo.s("x", 1) | save_task_result.s(db_id=None)
        ).apply_async(),
        lambda habits: (
            habits.echo.s("x", 1).on_error(save_task_error.s(db_id=None)).apply_async()
        ),
    ],
    ids=["sent", "eager", "behind it", "on error"],
)
def test_a_message_for_a_task_that_is_not_saved_is_an_error_at_once(app, habits, send):
    with app.app_context(), pytest.raises(TaskNotSaved, match=r"task\.save\(commit=True"):
        send(habits)


def test_a_task_that_can_do_without_a_row_is_sent_without_one(app, habits):
    with app.app_context(), eager():
        work = habits.preview.s("x", db_id=None)
        assert work.apply_async().get() == work.apply().get() == "x of None"


def test_eager_mode_runs_a_chain_to_its_end(app, habits, number):
    with eager(), app.app_context():
        work = habits.echo.s("log", db_id=number) | save_task_result.s(db_id=number)
        work.link_error(save_task_error.s(db_id=number))
        work.apply_async()
        assert ProcessingTask.get_by_id(number).is_ok


@pytest.mark.parametrize("number", [10**23, 2**31])
def test_a_view_that_looks_up_a_number_that_no_id_can_be_finds_nothing(app, number):
    path = f"/plugins/hello-world-multi-step@v1-0-0/{number}/reply-ui/"
    answer = app.test_client().get(path)
    assert (answer.status_code, answer.json["code"]) == (404, 404)
    assert "no such task" in answer.json["message"]
