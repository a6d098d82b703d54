"""Webhooks are called until they have got the call, for a day, whatever else is dead."""

import threading
from contextlib import ExitStack
from datetime import timedelta
from email.utils import format_datetime

import pytest
from helpers.databases import on_each_database
from helpers.outbox import (
    TASK_URL,
    deliver,
    deliveries,
    make_due,
    make_task_with,
    refusing,
)
from helpers.receiver import receiving
from helpers.sockets import answering, dripping

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import as_utc, utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskUpdateSubscription
from qhana_plugin_runner.operations.webhooks.delivery import WINDOW, Delivery
from qhana_plugin_runner.tasking.outbox import enqueue

pytestmark = on_each_database

DAY = 24 * 60 * 60


def told(*subscriptions, events=("status",)):
    """Make a task with subscriptions and tell of events; return its id."""
    task_id = make_task_with(*subscriptions)
    enqueue(task_id, *events)
    DB.session.commit()
    return task_id


def is_given_up(row):
    return row.due_at is None and row.delivered_at is None


def test_a_webhook_is_called_with_an_empty_post_and_keeps_its_query(app, webhook):
    with app.app_context():
        told((f"{webhook.url}?key=1", None))
        deliver(app)
    query = [("key", "1"), ("source", TASK_URL), ("event", "status")]
    assert webhook.next_call() == ("POST", "/hook", query, b"")


def test_the_rewrite_rules_apply(app, webhook):
    app.config["URL_REWRITE_RULES"] = [("^http://public.example/", f"{webhook.url}/")]
    with app.app_context():
        told(("http://public.example/x", None))
        deliver(app)
    assert webhook.next_call()[1] == "/hook/x"


@pytest.mark.parametrize("status", [200, 204, 301, 307, 400, 401, 404])
def test_most_answers_mean_that_the_call_was_got(app, webhook, status):
    with app.app_context(), receiving() as elsewhere:
        webhook.status, webhook.headers = status, {"Location": elsewhere.url}
        task_id = told((webhook.url, None))
        deliver(app)
        (row,) = deliveries(task_id)
        assert row.delivered_at >= row.last_attempt_at >= row.created_at
        assert (row.due_at, row.attempts, row.last_answer) == (None, 1, f"HTTP {status}")
        assert not elsewhere.called()


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_some_answers_mean_that_the_call_is_to_be_repeated(app, webhook, status):
    webhook.statuses.put(status)
    with app.app_context():
        told((webhook.url, None))
        deliver(app)
        (row,) = deliveries()
        assert row.due_at > row.last_attempt_at
        assert (row.delivered_at, row.last_answer) == (None, f"HTTP {status}")
        make_due()
        deliver(app)
        (row,) = deliveries()
        assert row.delivered_at and row.due_at is None
        assert (row.attempts, row.last_answer) == (2, "HTTP 200")
    assert webhook.events() == ["status"] * 2


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("120", 120),
        ("0", 0),
        ("soon", 0),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 0),
        ("99999999", 3600),
        ("9" * 400, 3600),
    ],
)
def test_a_receiver_may_say_when_to_come_back_but_within_an_hour(
    app, webhook, text, seconds
):
    webhook.status, webhook.headers = 429, {"Retry-After": text}
    with app.app_context():
        told((webhook.url, None))
        deliver(app)
        (row,) = deliveries()
        assert row.due_at >= row.last_attempt_at + timedelta(seconds=seconds)
        assert row.due_at <= utc_now() + timedelta(seconds=max(seconds, 4))


@pytest.mark.parametrize("tells_its_time", [True, False])
def test_a_receiver_may_name_a_date_by_its_own_clock(app, tells_its_time):
    now = as_utc(utc_now() - timedelta(days=3 if tells_its_time else 0))
    until = format_datetime(now + timedelta(seconds=600), usegmt=True)
    answer = f"HTTP/1.1 503 Busy\r\nRetry-After: {until}\r\n"
    if tells_its_time:
        answer += f"Date: {format_datetime(now, usegmt=True)}\r\n"
    with answering(f"{answer}\r\n".encode()) as url, app.app_context():
        told((url, None))
        deliver(app)
        (row,) = deliveries()
        # Dates have whole seconds; a loaded machine takes its time for the call.
        assert row.due_at >= utc_now() + timedelta(seconds=500)


def test_one_that_is_gone_is_called_no_more_about_this_task(app, webhook):
    webhook.status = 410
    with app.app_context():
        task_id = told(
            (webhook.url, None), (webhook.url, "steps"), events=("status", "steps")
        )
        other_task = told((webhook.url, None), events=())
        deliver(app)
        assert webhook.events() == ["status"]
        assert TaskUpdateSubscription.get_by_task_and_event(task_id, "steps") == []
        assert TaskUpdateSubscription.get_by_task_and_event(other_task, "steps") != []
        first, second = deliveries(task_id)
        assert first.delivered_at and first.last_answer == "HTTP 410"
        assert is_given_up(second) and "unsubscribed" in second.last_answer


def test_a_refused_connection_is_tried_again_and_secrets_are_not_written(app):
    with app.app_context(), refusing() as port:
        told((f"http://me:secret@127.0.0.1:{port}/hook?token=secret", None))
        deliver(app)
        (row,) = deliveries()
        assert row.due_at > row.last_attempt_at
        assert row.last_answer == "Connection refused"


@pytest.mark.parametrize("url", ["http://[/", "gopher://localhost/", "nothing"])
def test_what_is_no_url_is_given_up_at_once(app, url, caplog):
    with app.app_context():
        told((url, None))
        deliver(app)
        (row,) = deliveries()
        assert is_given_up(row) and row.last_answer.startswith("cannot be called")
    assert "gave up" in caplog.text


def test_one_that_does_not_answer_in_time_is_called_again(app, webhook):
    webhook.is_open.clear()
    with app.app_context():
        told((webhook.url, None))
        deliver(app, Delivery(timeout=0.05))
        (row,) = deliveries()
        assert row.due_at > row.last_attempt_at
        assert row.last_answer == "timed out after 0.05 s"


def test_an_answer_that_drips_in_does_not_last_longer_than_the_time_out(app):
    with dripping() as url, app.app_context():
        told((url, None))
        deliver(app, Delivery(timeout=0.1))
        (row,) = deliveries()
        assert row.last_answer == "timed out after 0.1 s"


def test_one_that_was_away_for_an_hour_learns_of_all_changes(app):
    with app.app_context():
        with refusing() as port:
            url = f"http://127.0.0.1:{port}/hook"
            told((url, None), events=("steps", "details", "status"))
            for _ in range(10):
                deliver(app)
                make_due(age=60 * 60)
        assert {row.attempts for row in deliveries()} == {10}
        with receiving(port) as webhook:
            deliver(app)
            assert sorted(webhook.events()) == ["details", "status", "steps"]
        assert all(row.delivered_at for row in deliveries())


def test_a_call_is_repeated_for_a_day_and_then_given_up(app, webhook, caplog):
    webhook.status = 500
    with app.app_context():
        told((webhook.url, None))
        make_due(age=DAY - 60)
        deliver(app)
        assert not is_given_up(deliveries()[0])
        assert "gave up" not in caplog.text
        make_due(age=DAY + 60)
        deliver(app)
        (row,) = deliveries()
        assert is_given_up(row) and (row.attempts, row.last_answer) == (2, "HTTP 500")
    assert "gave up" in caplog.text and "after 2 attempts: HTTP 500" in caplog.text


def test_the_pauses_grow_to_an_hour(app, webhook):
    webhook.status = 500
    with app.app_context():
        told((webhook.url, None), events=("status", "steps", "details"))
        for attempts, longest in [(1, 8), (5, 128), (30, 3600)]:
            make_due(attempts=attempts)
            before = utc_now()
            deliver(app)
            for row in deliveries():
                assert timedelta(0) < row.due_at - before
                assert row.due_at - utc_now() <= timedelta(seconds=longest)


def test_a_failed_call_is_not_repeated_when_the_subscription_has_ended(app, webhook):
    webhook.status = 500
    with app.app_context():
        task_id = told((webhook.url, "status"))
        task = ProcessingTask.get_by_id(task_id)
        TaskUpdateSubscription.unsubscribe(task, webhook.url, "status")
        deliver(app)
        (row,) = deliveries()
        assert is_given_up(row) and row.attempts == 1


def test_more_subscribers_than_are_read_at_once_are_called_once_each(app, webhook):
    count = 6 * WINDOW
    paths = [f"{webhook.url}/{number}" for number in range(count)]
    with app.app_context():
        told(*((path, "status") for path in paths))
        deliver(app)
        assert all(row.delivered_at and row.attempts == 1 for row in deliveries())
    calls = sorted(path for _, path, _, _ in webhook.calls())
    assert calls == sorted(f"/hook/{number}" for number in range(count))


def test_a_dead_host_with_many_calls_does_not_keep_others_from_being_called(app):
    with ExitStack() as stack:
        dead, *living = [stack.enter_context(receiving()) for _ in range(4)]
        dead.is_open.clear()
        delivery = Delivery()
        with app.app_context():
            told(*((f"{dead.url}/{number}", None) for number in range(300)))
            told(
                *(
                    (f"{each.url}/{number}", None)
                    for each in living
                    for number in range(9)
                )
            )
            while sum(bool(row.delivered_at) for row in deliveries()) < 27:
                delivery.turn()  # nobody waits for the dead one: it never answers here
            assert [len(each.calls()) for each in living] == [9, 9, 9]
            assert 1 <= len(dead.calls()) <= 4
            dead.is_open.set()
            deliver(app, delivery)
            assert all(row.delivered_at for row in deliveries())


def test_calls_of_one_webhook_about_one_task_keep_their_order(app, webhook):
    events = ["details", "status", "steps"]
    webhook.is_open.clear()
    delivery = Delivery()
    with app.app_context():
        told((webhook.url, None), events=events)
        assert delivery.turn() and not delivery.turn()
        assert webhook.next_event()[1] == "details"
        assert not webhook.called()
        webhook.is_open.set()
        deliver(app, delivery)
        assert webhook.events() == ["status", "steps"]


def test_two_deliveries_at_once_call_each_webhook_once(app):
    with ExitStack() as stack:
        receivers = [stack.enter_context(receiving()) for _ in range(3)]
        with app.app_context():
            told(
                *(
                    (f"{each.url}/{number}", None)
                    for each in receivers
                    for number in range(40)
                )
            )
        start = threading.Barrier(2)
        errors = []

        def work():
            try:
                with app.app_context():
                    start.wait(60)
                    deliver(app, Delivery())
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        for receiver in receivers:
            paths = sorted(path for _, path, _, _ in receiver.calls())
            assert paths == sorted(f"/hook/{number}" for number in range(40))
        with app.app_context():
            assert {row.attempts for row in deliveries()} == {1}


def test_a_call_whose_process_has_died_is_made_by_another_one(app, webhook):
    webhook.is_open.clear()
    with app.app_context():
        told((webhook.url, None))
        Delivery().turn()  # what comes of it, this one never learns
        webhook.next_call()
        other = Delivery()
        assert not other.turn()
        make_due()
        webhook.is_open.set()
        deliver(app, other)
        (row,) = deliveries()
        assert row.delivered_at and row.attempts == 2


def test_a_late_answer_does_not_undo_a_later_one(app, webhook):
    webhook.statuses.put(500)
    webhook.is_open.clear()
    with app.app_context():
        told((webhook.url, None))
        slow, other = Delivery(), Delivery()
        slow.turn()
        webhook.next_call()
        make_due()  # as if the process had been stopped for a minute
        webhook.is_open.set()
        deliver(app, other)
        deliver(app, slow)
        (row,) = deliveries()
        assert row.delivered_at and (row.attempts, row.last_answer) == (2, "HTTP 200")
