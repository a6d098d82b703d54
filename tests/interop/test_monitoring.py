"""Subscribing to tasks of a real runner, and watching those that cannot be subscribed to."""

import json

import pytest
from celery.signals import before_task_publish
from helpers.site import serving
from requests.exceptions import ConnectionError, HTTPError
from werkzeug.wrappers import Request, Response

from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskUpdateSubscription
from qhana_plugin_runner.plugin_utils import interop
from qhana_plugin_runner.plugin_utils.interop import (
    PluginAnswerError,
    ResultUnchangedError,
    call_webhook,
    monitor_external_substep,
    monitor_result,
    subscribe,
)
from qhana_plugin_runner.tasks import add_step, save_task_result


@pytest.fixture
def task_id(app):
    with app.app_context():
        task = ProcessingTask(task_name="other")
        task.save(commit=True)
        return task.id


@pytest.fixture
def result_url(runner_url, task_id):
    return f"{runner_url}/tasks/{task_id}/"


def open_step(app, task_id, step_id="step1"):
    with app.app_context():
        add_step("", db_id=task_id, step_id=step_id, href="step/", ui_href="step-ui/")


def clear_step(app, task_id):
    with app.app_context():
        ProcessingTask.get_by_id(task_id).clear_previous_step(commit=True)


def finish(app, task_id):
    with app.app_context():
        save_task_result("done", db_id=task_id)


class Changing:
    """A task that changes each time when it is looked at; the last answer stays."""

    def __init__(self, site, *answers, path="/tasks/1/"):
        self.answers = list(answers)
        self.url = f"{site.url}{path}"
        self.looks = 0
        site.pages[path] = self

    def __iter__(self):
        self.looks += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            return iter((b"", {}, answer))
        return iter((json.dumps(answer).encode(), {}, 200))


PENDING = {"status": "PENDING"}
FINISHED = {"status": "SUCCESS"}
AT_STEP = {"status": "PENDING", "steps": [{"stepId": "a", "cleared": False}]}
AFTER_STEP = {"status": "PENDING", "steps": [{"stepId": "a", "cleared": True}]}


# subscriptions


def test_a_subscription_to_all_events_is_one_without_an_event(app, result_url, webhook):
    with app.app_context():
        assert subscribe(result_url, webhook.url, check_for_updates=False) is True
        rows = TaskUpdateSubscription.query.all()
    assert [(row.webhook_href, row.event_type) for row in rows] == [(webhook.url, None)]


def test_a_subscription_to_some_events_is_one_for_each(app, result_url, webhook):
    with app.app_context():
        events = ["status", "steps"]
        assert subscribe(result_url, webhook.url, events=events, check_for_updates=False)
        rows = TaskUpdateSubscription.query.all()
    assert {row.event_type for row in rows} == {"status", "steps"}


@pytest.fixture
def looks(monkeypatch):
    """What the looks at tasks that are sent to workers look for."""
    looks = []

    def remember(sender, body, **_kwargs):
        looks.append(body[1]["monitor"])

    before_task_publish.connect(remember, sender=monitor_result.name)
    yield looks
    before_task_publish.disconnect(remember, sender=monitor_result.name)


def test_a_task_without_a_link_to_subscribe_is_looked_at_all_the_same(
    app, site, webhook, looks
):
    task = Changing(site, PENDING)
    assert subscribe(task.url, webhook.url) is False
    assert subscribe(task.url, webhook.url, check_for_updates=False) is False
    assert looks == ["all"]


@pytest.mark.parametrize(
    "events, posted, look",
    [
        ("all", [None], ["all"]),
        ("steps", ["steps"], [["steps"]]),
        (["status", "own"], ["status", "own"], [["status"]]),
        (["details"], ["details"], []),
        (["own", "other"], ["own", "other"], []),
    ],
)
@pytest.mark.parametrize("status", [200, 422])
def test_each_event_is_subscribed_to_and_the_task_looked_at(
    app, webhook, looks, caplog, events, posted, look, status
):
    calls = []

    def answer(environ, start_response):
        request = Request(environ)
        task = {"links": [{"type": "subscribe", "href": "/here/"}]}
        if request.method == "POST":
            calls.append(request.json["event"])
            return Response(status=status)(environ, start_response)
        return Response(json.dumps(task))(environ, start_response)

    with serving(answer) as url:
        assert subscribe(f"{url}/", webhook.url, events=events) is (status == 200)
    assert calls == (posted if status == 200 else posted[:1])
    assert looks == look
    assert ("422" in caplog.text) is (status == 422)


def test_subscribing_to_something_else_is_an_error(site, webhook):
    with pytest.raises(PluginAnswerError, match="is not a task"):
        subscribe(site.put("/odd", b"<html>"), webhook.url)
    with pytest.raises(HTTPError, match="404"):
        subscribe(f"{site.url}/missing", webhook.url)


def test_a_change_just_before_the_subscription_is_told(
    app, task_id, result_url, webhook, worker
):
    finish(app, task_id)
    with app.app_context():
        assert subscribe(result_url, webhook.url)
    assert webhook.next_event() == (result_url, "status")


def test_an_unchanged_task_is_looked_at_once_after_subscribing(
    app, site, webhook, worker
):
    link = {"type": "subscribe", "href": "/subscribe/"}
    site.put("/subscribe/", b"{}")
    task = Changing(site, {**PENDING, "links": [link]})
    with app.app_context():
        assert subscribe(task.url, webhook.url)
    # By the end of this one a second look at the first would be over.
    other = Changing(site, *[PENDING] * 10, FINISHED, path="/tasks/2/")
    monitor_result.s(result_url=other.url, webhook_url=webhook.url).apply_async()
    assert webhook.next_event() == (other.url, "status")
    assert task.looks == 2


# monitoring


def test_a_result_is_monitored_until_it_is_there(app, site, webhook, worker):
    task = Changing(site, PENDING, PENDING, PENDING, FINISHED)
    monitor_result.s(result_url=task.url, webhook_url=webhook.url).apply_async()
    assert webhook.next_event() == (task.url, "status")
    assert task.looks == 4


def test_a_step_that_opens_is_told(app, task_id, result_url, webhook, worker):
    monitor_result.s(result_url=result_url, webhook_url=webhook.url).apply_async()
    open_step(app, task_id)
    assert webhook.next_event() == (result_url, "steps")


def test_who_watches_the_status_is_not_told_of_steps(site, webhook, worker):
    task = Changing(site, AT_STEP, AFTER_STEP, FINISHED)
    monitor_result.s(
        result_url=task.url, webhook_url=webhook.url, monitor="status"
    ).apply_async()
    assert webhook.next_event() == (task.url, "status")
    assert task.looks == 3


@pytest.mark.parametrize(
    ("monitor", "answer", "event"),
    [
        ("all", FINISHED, "status"),
        ("all", AT_STEP, "steps"),
        (["steps", "status"], FINISHED, "status"),
        ("steps", FINISHED, "steps"),
        ("details", AT_STEP, "details"),
        (["details"], FINISHED, "details"),
    ],
)
def test_one_change_is_told_once(site, webhook, worker, monitor, answer, event):
    task = Changing(site, answer)
    monitor_result.s(
        result_url=task.url, webhook_url=webhook.url, monitor=monitor
    ).apply_async()
    assert webhook.next_event() == (task.url, event)
    call_webhook.s(webhook.url, "after", None).apply_async()
    assert webhook.next_event() == ("after", None)


def test_failures_of_the_other_side_are_waited_out(site, webhook, worker):
    task = Changing(site, PENDING, 503, 500, PENDING, 429, FINISHED)
    monitor_result.s(result_url=task.url, webhook_url=webhook.url).apply_async()
    assert webhook.next_event() == (task.url, "status")
    assert task.looks == 6


@pytest.mark.parametrize("status", [404, 410])
def test_a_task_that_is_gone_is_told_as_finished(site, webhook, worker, status):
    task = Changing(site, PENDING, status)
    monitor_result.s(
        result_url=task.url, webhook_url=webhook.url, monitor="steps"
    ).apply_async()
    assert webhook.next_event() == (task.url, "status")
    assert task.looks == 2


def test_too_many_failures_in_a_row_are_the_end(site, webhook, worker, monkeypatch):
    monkeypatch.setattr(interop, "MAX_FAILURES", 3)
    task = Changing(site, 503, 503, PENDING, 503, 503, 503, PENDING)
    monitor_result.s(result_url=task.url, webhook_url=webhook.url).apply_async()
    assert webhook.next_event() == (task.url, "status")
    assert task.looks == 6


def test_monitoring_called_directly_raises_when_nothing_is_new(app, site):
    task = Changing(site, PENDING)
    with app.app_context(), pytest.raises(ResultUnchangedError, match=task.url):
        monitor_result(task.url, "http://localhost/hook")


def test_monitoring_run_eagerly_does_not_run_for_ever(app, site):
    task = Changing(site, PENDING)
    with app.app_context():
        result = monitor_result.s(task.url, "http://localhost/hook").apply()
    assert isinstance(result.result, ResultUnchangedError)
    assert task.looks == 1


def test_a_single_look_raises_what_went_wrong(app):
    with app.app_context(), pytest.raises(ConnectionError):
        monitor_result("http://127.0.0.1:9/", "http://localhost/hook", retry=False)


def test_a_single_look_at_an_unchanged_task_is_no_error(app, site):
    task = Changing(site, PENDING)
    with app.app_context():
        assert monitor_result(task.url, "http://localhost/hook", retry=False) is None


# steps of tasks of other runners


def test_a_step_is_found_by_its_id_and_told_when_it_is_cleared(
    app, task_id, result_url, webhook, worker
):
    open_step(app, task_id, "first")
    clear_step(app, task_id)
    open_step(app, task_id, "second")
    for substep in ("first", "second"):
        monitor_external_substep.s(
            result_url=result_url, webhook_url=webhook.url, substep=substep
        ).apply_async()
    assert webhook.next_event() == (result_url, "steps")
    assert not webhook.called()
    clear_step(app, task_id)
    assert webhook.next_event() == (result_url, "steps")


def test_a_step_is_waited_for_when_it_is_not_there_yet(site, webhook, worker):
    task = Changing(site, PENDING, AT_STEP, AFTER_STEP)
    monitor_external_substep.s(
        result_url=task.url, webhook_url=webhook.url, substep="a"
    ).apply_async()
    assert webhook.next_event() == (task.url, "steps")
    assert task.looks == 3


def test_a_step_is_found_by_its_position(site, webhook, worker):
    task = Changing(site, AT_STEP, AFTER_STEP)
    monitor_external_substep.s(
        result_url=task.url, webhook_url=webhook.url, substep=0
    ).apply_async()
    assert webhook.next_event() == (task.url, "steps")
    assert task.looks == 2


def test_of_steps_with_the_same_id_the_newest_counts(app, site):
    again = {"stepId": "a", "cleared": False}
    task = Changing(site, {"status": "PENDING", "steps": [*AFTER_STEP["steps"], again]})
    with app.app_context(), pytest.raises(ResultUnchangedError):
        monitor_external_substep(task.url, "http://localhost/hook", "a")


def test_a_task_that_ends_before_the_step_is_told_as_finished(site, webhook, worker):
    task = Changing(site, PENDING, FINISHED)
    monitor_external_substep.s(
        result_url=task.url, webhook_url=webhook.url, substep="never"
    ).apply_async()
    assert webhook.next_event() == (task.url, "status")


def test_a_task_that_ends_with_the_step_sends_both_events(site, webhook, worker):
    task = Changing(site, {**AFTER_STEP, "status": "FAILURE"})
    monitor_external_substep.s(
        result_url=task.url, webhook_url=webhook.url, substep="a"
    ).apply_async()
    assert [webhook.next_event()[1], webhook.next_event()[1]] == ["steps", "status"]


@pytest.mark.parametrize("steps", [None, "text", 5, [None, "text"], {}])
def test_ill_formed_steps_are_none(app, site, steps):
    task = Changing(site, {"status": "PENDING", "steps": steps})
    with app.app_context():
        for substep in ("a", 0, -1):
            with pytest.raises(ResultUnchangedError):
                monitor_external_substep(task.url, "http://localhost/hook", substep)
        with pytest.raises(ResultUnchangedError):
            monitor_result(task.url, "http://localhost/hook")


# calling webhooks


def test_a_webhook_gets_source_and_event_in_its_query_and_no_body(app, webhook):
    with app.app_context():
        call_webhook(webhook.url, "http://h/tasks/1/?a=1&b=ü", "status")
    query = [("source", "http://h/tasks/1/?a=1&b=ü"), ("event", "status")]
    assert webhook.next_call() == ("POST", "/hook", query, b"")


def test_the_query_of_a_webhook_is_kept(app, webhook):
    with app.app_context():
        call_webhook(f"{webhook.url}?key=a%26b%20c&key=2&empty=", "http://h/", "steps")
    query = [("key", "a&b c"), ("key", "2"), ("empty", "")]
    assert webhook.next_call()[2] == [*query, ("source", "http://h/"), ("event", "steps")]


@pytest.mark.parametrize("status", [200, 204, 302, 400, 404, 410, 422])
def test_any_other_answer_of_a_receiver_counts_as_delivered(app, webhook, status):
    webhook.status = status
    with app.app_context():
        call_webhook(webhook.url, "http://h/", "status")
    assert webhook.called()


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_receiver_that_cannot_take_a_call_is_an_error(app, webhook, status):
    webhook.status = status
    with app.app_context(), pytest.raises(HTTPError, match=str(status)):
        call_webhook(webhook.url, "http://h/", "status")


def test_webhooks_do_not_follow_redirects(app, site):
    site.put("/elsewhere")
    url = site.put("/hook", status=307, Location="/elsewhere")
    with app.app_context():
        call_webhook(url, "http://h/", "status")
    assert [request.path for request in site.requests] == ["/hook"]
