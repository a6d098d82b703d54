"""Subscribers of a task learn of its changes."""

import pytest
from helpers.runner import runner
from helpers.site import serving
from helpers.worker import QUICK

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskUpdateSubscription
from qhana_plugin_runner.plugin_utils.interop import call_webhook
from qhana_plugin_runner.tasks import (
    TASK_DETAILS_CHANGED,
    TASK_STATUS_CHANGED,
    TASK_STEPS_CHANGED,
    add_step,
    save_task_error,
    save_task_result,
)
from qhana_plugin_runner.webhooks import register_webhooks

SIGNALS = {
    "status": TASK_STATUS_CHANGED,
    "steps": TASK_STEPS_CHANGED,
    "details": TASK_DETAILS_CHANGED,
}
TASK_URL = "http://public.example/tasks/1/"


def make_task_with(*subscriptions):
    """Make a task with subscriptions, each a webhook and an event; return its id."""
    task = ProcessingTask(task_name="test")
    task.save()
    for href, event in subscriptions:
        TaskUpdateSubscription(
            task=task, webhook_href=href, task_href=TASK_URL, event_type=event
        ).save()
    task.save(commit=True)
    return task.id


def events_told(webhook):
    """Return the events of the calls so far; the worker takes one message after the other."""
    call_webhook.s(webhook.url, "end", "end").apply_async()
    events = []
    while (event := webhook.next_event()) != ("end", "end"):
        source, name = event
        assert source == TASK_URL
        events.append(name)
    return events


@pytest.mark.parametrize("event", SIGNALS)
def test_a_signal_calls_those_subscribed_to_its_event(app, webhook, worker, event):
    with app.app_context():
        task_id = make_task_with(*((webhook.url, each) for each in SIGNALS))
        SIGNALS[event].send(app, task_id=task_id)
        assert events_told(webhook) == [event]


def test_a_subscription_without_an_event_gets_each_of_them(app, webhook, worker):
    with app.app_context():
        task_id = make_task_with((webhook.url, None))
        for signal in SIGNALS.values():
            signal.send(app, task_id=task_id)
        assert events_told(webhook) == list(SIGNALS)


def test_a_webhook_subscribed_to_one_event_and_to_all_is_called_once(
    app, webhook, worker
):
    with app.app_context():
        task_id = make_task_with((webhook.url, "status"), (webhook.url, None))
        TASK_STATUS_CHANGED.send(app, task_id=task_id)
        assert events_told(webhook) == ["status"]


def test_subscribers_of_other_tasks_are_left_alone(app, webhook, worker):
    with app.app_context():
        make_task_with((webhook.url, None))
        other = make_task_with()
        TASK_STATUS_CHANGED.send(app, task_id=other)
        assert events_told(webhook) == []


def test_a_webhook_is_called_with_an_empty_post_and_keeps_its_query(app, webhook, worker):
    with app.app_context():
        task_id = make_task_with((f"{webhook.url}?key=1", "status"))
        TASK_STATUS_CHANGED.send(app, task_id=task_id)
        query = [("key", "1"), ("source", TASK_URL), ("event", "status")]
        assert webhook.next_call() == ("POST", "/hook", query, b"")


def test_a_step_and_the_end_of_a_task_are_told(app, webhook, worker):
    with app.app_context():
        task_id = make_task_with((webhook.url, None))
        add_step("", db_id=task_id, step_id="a", href="a/", ui_href="a-ui/")
        assert events_told(webhook) == ["steps", "details"]
        save_task_result("done", db_id=task_id)
        assert sorted(events_told(webhook)) == ["details", "status", "steps"]


def test_a_failure_is_told(app, webhook, worker):
    with app.app_context():
        task_id = make_task_with((webhook.url, "status"))
        save_task_error("no-such-celery-task", db_id=task_id)
        assert events_told(webhook) == ["status"]


def test_a_subscription_over_http_leads_to_a_call_with_that_url(app, webhook, worker):
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
        assert webhook.next_event() == (f"{url}/tasks/{task_id}/", "status")


def test_a_dead_receiver_does_not_keep_others_from_being_called(app, webhook, worker):
    with app.app_context():
        dead = "http://127.0.0.1:9/hook"
        task_id = make_task_with((dead, None), (webhook.url, None))
        TASK_STATUS_CHANGED.send(app, task_id=task_id)
        assert events_told(webhook) == ["status"]


def test_many_apps_in_one_process_tell_once(app, webhook, worker, tmp_path):
    for name in ("second", "third"):
        (tmp_path / name).mkdir()
        with runner(tmp_path / name, CELERY=QUICK, PLUGIN_FOLDERS=[]) as other:
            register_webhooks(other)
    CELERY.flask_app = app
    with app.app_context():
        task_id = make_task_with((webhook.url, None))
        TASK_STATUS_CHANGED.send(app, task_id=task_id)
        assert events_told(webhook) == ["status"]
