"""What is to be told is written in the transaction of the change, once for each webhook."""

import threading

import pytest
from helpers.databases import on_each_database
from helpers.outbox import TASK_URL, deliver, deliveries, make_due, make_task_with
from helpers.runner import runner
from sqlalchemy import event

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.operations.webhooks.delivery import Delivery
from qhana_plugin_runner.tasking.outbox import enqueue, prune

pytestmark = on_each_database

EVENTS = ["status", "steps", "details"]
HOOK = "http://localhost:9/hook"


def told(task_id):
    return [row.event_type for row in deliveries(task_id)]


def tell_and_commit(task_id, *events):
    enqueue(task_id, *events)
    DB.session.commit()


@pytest.mark.parametrize("name", EVENTS)
def test_those_subscribed_to_the_event_are_told(context, name):
    task_id = make_task_with(*((HOOK, each) for each in EVENTS))
    tell_and_commit(task_id, name)
    (row,) = deliveries()
    assert (row.task_id, row.webhook_href, row.task_href) == (task_id, HOOK, TASK_URL)
    assert (row.event_type, row.attempts, row.delivered_at) == (name, 0, None)
    assert row.created_at <= row.due_at


def test_a_subscription_without_an_event_gets_each_of_them_in_order(context):
    task_id = make_task_with((HOOK, None))
    tell_and_commit(task_id, "status", "details", "steps")
    assert told(task_id) == ["status", "details", "steps"]


def test_a_webhook_subscribed_to_one_event_and_to_all_is_told_once(context):
    task_id = make_task_with((HOOK, "status"), (HOOK, None))
    tell_and_commit(task_id, "status")
    assert told(task_id) == ["status"]


def test_subscribers_of_other_tasks_are_left_alone(context):
    make_task_with((HOOK, None))
    tell_and_commit(make_task_with(), "status")
    assert deliveries() == []


@pytest.mark.parametrize("subscriptions", [[], [(HOOK, None)] * 3])
@pytest.mark.parametrize("events, expected", [(EVENTS, 1), ([], 0)])
def test_several_events_are_told_in_one_statement_and_none_in_none(
    context, subscriptions, events, expected
):
    task_id = make_task_with(*subscriptions)
    statements = []

    def note(_connection, _cursor, statement, *_more):
        statements.append(statement)

    event.listen(DB.engine, "before_cursor_execute", note)
    enqueue(task_id, *events)
    event.remove(DB.engine, "before_cursor_execute", note)
    DB.session.commit()
    assert len(statements) == expected


def test_a_rollback_takes_back_what_was_told(context):
    task_id = make_task_with((HOOK, None))
    enqueue(task_id, "status")
    DB.session.rollback()
    assert deliveries() == []


def test_an_event_is_told_once_as_long_as_no_call_was_begun(context):
    task_id = make_task_with((HOOK, None))
    tell_and_commit(task_id, "details", "steps")
    tell_and_commit(task_id, "details", "status", "details")
    assert told(task_id) == ["details", "steps", "status"]


def test_what_changes_after_a_call_was_begun_is_told_again(app, webhook):
    with app.app_context():
        task_id = make_task_with((webhook.url, None))
        tell_and_commit(task_id, "details")
        webhook.is_open.clear()
        delivery = Delivery()
        delivery.turn()
        webhook.next_call()
        tell_and_commit(task_id, "details")  # the receiver may have asked before
        assert told(task_id) == ["details", "details"]
        webhook.is_open.set()
        deliver(app, delivery)
        assert webhook.events() == ["details"]
        tell_and_commit(task_id, "details")
        deliver(app)
        assert webhook.events() == ["details"]


def test_what_waits_for_another_attempt_does_not_stand_for_a_later_change(context):
    task_id = make_task_with((HOOK, None))
    tell_and_commit(task_id, "details")
    make_due(attempts=1)
    tell_and_commit(task_id, "details")
    assert told(task_id) == ["details", "details"]


def test_many_may_tell_of_one_task_at_once(app, webhook):
    with app.app_context():
        task_id = make_task_with((webhook.url, None))
    count = 8
    start = threading.Barrier(count)
    errors = []

    def change():
        try:
            with app.app_context():
                start.wait(60)
                tell_and_commit(task_id, "status", "details")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=change) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with app.app_context():
        deliver(app)
        rows = deliveries()
        assert {row.event_type for row in rows} == {"status", "details"}
        assert all(row.delivered_at for row in rows)
        if DB.engine.dialect.name == "sqlite":  # they wait for each other
            assert len(rows) == 2


def test_nobody_is_called_before_what_the_call_tells_of_is_committed(
    postgresql_database, tmp_path, webhook
):
    # With SQLite, the delivery waits for the one who writes.
    with runner(tmp_path, SQLALCHEMY_DATABASE_URI=postgresql_database) as app:
        with app.app_context():
            task_id = make_task_with((webhook.url, None))
            tell_and_commit(task_id, "details")
            enqueue(task_id, "details")  # adds to the call that waits
            with app.app_context():
                deliver(app)
                assert webhook.events() == []
            DB.session.commit()
            deliver(app)
            assert webhook.events() == ["details"]


def test_old_rows_that_are_done_with_are_removed(app, webhook):
    with app.app_context():
        task_id = make_task_with((webhook.url, None))
        tell_and_commit(task_id, "status")
        deliver(app)
        tell_and_commit(task_id, "steps")
        assert prune(older_than_seconds=60) == 0
        assert prune(older_than_seconds=0) == 1
        assert told(task_id) == ["steps"]
