"""Signals of tasks, which plugins send, lead to the outbox, together with the change."""

import pytest
from helpers.databases import on_each_database
from helpers.outbox import deliver, deliveries, make_task_with
from helpers.runner import runner
from helpers.site import serving
from sqlalchemy import text

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.operations.webhooks import register_webhooks
from qhana_plugin_runner.tasking.outbox import enqueue
from qhana_plugin_runner.tasking.signals import send_enqueued
from qhana_plugin_runner.tasks import (
    TASK_DETAILS_CHANGED,
    TASK_STATUS_CHANGED,
    TASK_STEPS_CHANGED,
    add_step,
    save_task_error,
    save_task_result,
)

HOOK = "http://localhost:9/hook"
SIGNALS = {
    "status": TASK_STATUS_CHANGED,
    "steps": TASK_STEPS_CHANGED,
    "details": TASK_DETAILS_CHANGED,
}


@pytest.fixture
def task_id(app):
    with app.app_context():
        return make_task_with((HOOK, None))


def saved(app):
    """Return the events that another one sees in the outbox."""
    with app.app_context():
        return [row.event_type for row in deliveries()]


@pytest.mark.parametrize("event", SIGNALS)
def test_a_signal_after_the_commit_of_the_change_is_saved_at_once(app, task_id, event):
    with app.app_context():
        ProcessingTask.get_by_id(task_id).task_name = "changed"
        DB.session.commit()
        SIGNALS[event].send(app, task_id=task_id)
        assert saved(app) == [event]


@on_each_database
@pytest.mark.parametrize("flushed", [False, True])
def test_a_signal_before_the_commit_of_the_change_is_saved_with_it(app, task_id, flushed):
    with app.app_context():
        ProcessingTask.get_by_id(task_id).task_name = "changed"
        if flushed:
            DB.session.flush()
        TASK_STEPS_CHANGED.send(app, task_id=task_id)
        assert saved(app) == []
        DB.session.commit()
        assert saved(app) == ["steps"]


def test_a_signal_before_the_commit_of_a_subscription_counts_for_it(app):
    with app.app_context():
        task_id = make_task_with()
        task = ProcessingTask.get_by_id(task_id)
        task.subscriptions = ProcessingTask.get_by_id(
            make_task_with((HOOK, None))
        ).subscriptions
        TASK_STATUS_CHANGED.send(app, task_id=task_id)
        DB.session.commit()
    assert saved(app) == ["status"]


@on_each_database
def test_a_rollback_of_the_change_takes_the_signal_with_it(app, task_id):
    with app.app_context():
        ProcessingTask.get_by_id(task_id).task_name = "changed"
        TASK_STATUS_CHANGED.send(app, task_id=task_id)
        DB.session.rollback()
    assert saved(app) == []


def test_what_nobody_has_committed_is_saved_in_the_end(app, task_id):
    with app.app_context():
        ProcessingTask.get_by_id(task_id).task_name = "changed"
        DB.session.commit()
        DB.session.execute(text("SELECT 1"))  # who knows whether this changes something
        for signal in SIGNALS.values():
            signal.send(app, task_id=task_id)
        assert saved(app) == []
    assert saved(app) == list(SIGNALS)


def test_a_view_that_sends_a_signal_tells_once(app, task_id):
    @app.route("/change")
    def change():
        task = ProcessingTask.get_by_id(task_id)
        task.add_next_step("a/", "a-ui/", "a", commit=True)
        TASK_STEPS_CHANGED.send(app, task_id=task_id)
        task.clear_previous_step()
        TASK_STEPS_CHANGED.send(app, task_id=task_id)
        task.save(commit=True)
        return "done"

    assert app.test_client().get("/change").text == "done"
    assert saved(app) == ["steps"]


@on_each_database
def test_a_signal_about_what_is_in_the_outbox_adds_nothing(app, task_id):
    with app.app_context():
        enqueue(task_id, "status")
        DB.session.commit()
        deliver(app)
        send_enqueued(task_id, "status")
        assert saved(app) == ["status"]
        TASK_STATUS_CHANGED.send(app, task_id=task_id)
        assert saved(app) == ["status", "status"]


def test_a_signal_after_what_was_told_with_the_change_makes_no_second_call(app, webhook):
    with app.app_context():
        task_id = make_task_with((webhook.url, None))
        enqueue(task_id, "status", "details")
        DB.session.commit()
        TASK_STATUS_CHANGED.send(app, task_id=task_id)
        TASK_DETAILS_CHANGED.send(app, task_id=task_id)
        deliver(app)
    assert webhook.events() == ["status", "details"]


@on_each_database
def test_a_step_and_the_end_of_a_task_are_told(app, webhook):
    with app.app_context():
        task_id = make_task_with((webhook.url, None))
        add_step("", db_id=task_id, step_id="a", href="a/", ui_href="a-ui/")
        deliver(app)
        assert webhook.events() == ["steps", "details"]
        save_task_result("done", db_id=task_id)
        deliver(app)
        assert sorted(webhook.events()) == ["details", "status", "steps"]


def test_a_failure_is_told(app, webhook):
    with app.app_context():
        task_id = make_task_with((webhook.url, "status"))
        save_task_error("no-such-celery-task", db_id=task_id)
        deliver(app)
        assert webhook.events() == ["status"]


def test_a_subscription_over_http_leads_to_a_call_with_that_url(app, webhook):
    with serving(app) as url:
        with app.app_context():
            task_id = make_task_with()
        response = app.test_client().post(
            f"{url}/tasks/{task_id}/",
            json={"command": "subscribe", "webhookHref": webhook.url, "event": "status"},
        )
        assert response.status_code == 200
        with app.app_context():
            save_task_result("done", db_id=task_id)
            deliver(app)
        assert webhook.next_event() == (f"{url}/tasks/{task_id}/", "status")


def test_many_apps_in_one_process_tell_once(app, webhook, tmp_path):
    for name in ("second", "third"):
        (tmp_path / name).mkdir()
        with runner(tmp_path / name, PLUGIN_FOLDERS=[]) as other:
            register_webhooks(other)
    CELERY.flask_app = app
    with app.app_context():
        task_id = make_task_with((webhook.url, None))
        TASK_STATUS_CHANGED.send(app, task_id=task_id)
        deliver(app)
        assert webhook.events() == ["status"]
