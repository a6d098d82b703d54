"""Plugins that call other plugins, and files of several kinds: what
``plugin_utils.interop``, ``zip_utils`` and ``execution_utils`` promise plugin authors."""

import json
import threading
import zipfile
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import pytest
import requests
from celery.signals import before_task_publish
from helpers.outbox import delivering
from helpers.plugins import isolated_plugins
from helpers.site import serving
from helpers.worker import QUICK, working
from werkzeug.wrappers import Request

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.plugin_utils import interop
from qhana_plugin_runner.plugin_utils.execution_utils import parse_execution_options
from qhana_plugin_runner.plugin_utils.interop import (
    call_plugin_endpoint,
    call_webhook,
    get_plugin_endpoint,
    get_task_result_no_wait,
    monitor_external_substep,
    monitor_result,
    subscribe,
)
from qhana_plugin_runner.plugin_utils.zip_utils import get_files_from_zip_url
from qhana_plugin_runner.tasks import add_step

CALLED_PLUGINS = Path(__file__).with_name("called_plugins")


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setattr(interop, "FIRST_DELAY", 0.01)
    with isolated_plugins(tmp_path) as plugins:
        yield plugins.app(CALLED_PLUGINS, CELERY=QUICK)


@pytest.fixture
def plugin_url(app):
    """The URL of a plugin of another runner that answers over HTTP and has no worker yet."""
    with serving(app) as url:
        yield f"{url}/plugins/greeter@v1-0-0/"


@pytest.fixture
def result_url(plugin_url):
    """The URL of a task of that plugin."""
    return call_plugin_endpoint(get_plugin_endpoint(plugin_url), {"fullName": "Ada"})


@pytest.fixture
def published():
    """Names and arguments of all messages that are sent to workers."""
    messages = []

    def remember(sender, body, **_kwargs):
        messages.append((sender, *body[:2]))

    before_task_publish.connect(remember)
    yield messages
    before_task_publish.disconnect(remember)


def open_step(result_url):
    """Let a worker add a step to a task."""
    db_id = int(result_url.rstrip("/").rpartition("/")[2])
    step = {"step_id": "title", "href": "title/", "ui_href": "title/"}
    add_step.s("Which title?", db_id=db_id, **step).apply_async()


def put_task(site, path="/tasks/1/", **task):
    return site.put(path, json.dumps(task), Content_Type="application/json")


# calling a plugin


def test_the_endpoint_of_a_plugin_is_the_href_of_its_entry_point(site):
    entry_point = {"href": "http://elsewhere.example/go/", "uiHref": "./ui/"}
    url = site.put("/plugins/other/", json.dumps({"entryPoint": entry_point}))
    assert get_plugin_endpoint(url) == "http://elsewhere.example/go/"


def test_the_endpoint_is_made_absolute(plugin_url):
    assert get_plugin_endpoint(plugin_url) == f"{plugin_url}process/"


def test_calling_an_endpoint_returns_the_url_of_the_result(plugin_url):
    result_url = call_plugin_endpoint(f"{plugin_url}process/", {"fullName": "Ada"})
    assert result_url.endswith("/tasks/1/")
    assert requests.get(result_url, timeout=60).json()["status"] == "PENDING"


def test_the_data_is_posted_as_a_form():
    calls = []

    def app(environ, start_response):
        request = Request(environ)
        calls.append((request.method, request.mimetype, request.form.to_dict(flat=False)))
        start_response("200 OK", [("Content-Length", "0")])
        return []

    with serving(app) as url:
        call_plugin_endpoint(url, {"inputStr": "a&b=ü", "n": 3, "many": ["x", "y"]})
    form = {"inputStr": ["a&b=ü"], "n": ["3"], "many": ["x", "y"]}
    assert calls == [("POST", "application/x-www-form-urlencoded", form)]


def test_an_endpoint_that_does_not_answer_is_given_up():
    is_given_up = threading.Event()

    def app(environ, start_response):
        is_given_up.wait(timeout=60)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    with serving(app) as url:
        try:
            with pytest.raises(requests.exceptions.ReadTimeout, match="timeout=5"):
                call_plugin_endpoint(url, {})
        finally:
            is_given_up.set()


def test_redirects_are_followed(site):
    site.put("/c/", b"{}")
    site.put("/b/", status=302, Location="../c/")
    url = site.put("/a/", status=303, Location="/b/")
    assert call_plugin_endpoint(url, {}) == f"{site.url}/c/"


@pytest.mark.parametrize("status", [404, 422, 500])
def test_an_error_status_is_raised(site, status):
    with pytest.raises(requests.exceptions.HTTPError, match=str(status)):
        call_plugin_endpoint(site.put("/process/", status=status), {})


def test_input_that_a_plugin_refuses_is_raised(plugin_url):
    with pytest.raises(requests.exceptions.HTTPError, match="422"):
        call_plugin_endpoint(f"{plugin_url}process/", {"wrongName": "Ada"})


# looking at a result


def test_a_look_at_a_result_gives_its_status_and_its_json(result_url):
    status, result = get_task_result_no_wait(result_url)
    assert status == "PENDING"
    assert result == requests.get(result_url, timeout=60).json()


@pytest.mark.parametrize("status", ["PENDING", "SUCCESS"])
def test_pending_and_success_are_read_as_they_are(site, status):
    assert get_task_result_no_wait(put_task(site, status=status))[0] == status


@pytest.mark.parametrize("status", ["FAILURE", "UNKNOWN", "REVOKED", "", None])
def test_any_other_status_reads_as_failure(site, status):
    read, result = get_task_result_no_wait(put_task(site, status=status))
    assert (read, result) == ("FAILURE", {"status": status})


# subscribing


def test_subscribing_to_a_task_of_a_runner_succeeds(result_url, webhook):
    assert subscribe(result_url, webhook.url) is True
    assert subscribe(result_url, webhook.url, events=["status", "steps"]) is True


def test_subscribing_to_a_task_without_subscriptions_does_not(app, site, webhook):
    assert subscribe(put_task(site, status="PENDING"), webhook.url) is False


def test_who_is_subscribed_is_told_by_the_other_runner(app, result_url, webhook):
    assert subscribe(result_url, webhook.url, events="all", check_for_updates=False)
    with working(), delivering(app):
        open_step(result_url)
        told = {webhook.next_event(), webhook.next_event()}
    assert told == {(result_url, "steps"), (result_url, "details")}


def test_who_is_subscribed_to_some_events_is_told_of_them_only(app, result_url, webhook):
    events = ["details"]
    assert subscribe(result_url, webhook.url, events=events, check_for_updates=False)
    with working(), delivering(app):
        open_step(result_url)
        assert webhook.next_event() == (result_url, "details")
    assert not webhook.called()


def test_a_new_subscription_schedules_one_look_at_the_result(
    result_url, webhook, published
):
    assert subscribe(result_url, webhook.url, events=["steps"])
    ((name, args, kwargs),) = published
    assert name == monitor_result.name
    assert list(args) == []
    assert kwargs == {
        "result_url": result_url,
        "webhook_url": webhook.url,
        "monitor": ["steps"],
        "retry": False,
    }


def test_a_subscription_without_check_for_updates_schedules_nothing(
    result_url, webhook, published
):
    assert subscribe(result_url, webhook.url, check_for_updates=False)
    assert published == []


def test_a_subscription_that_failed_schedules_the_look(app, site, webhook, published):
    assert not subscribe(put_task(site, status="PENDING"), webhook.url)
    ((name, _args, arguments),) = published
    assert name == monitor_result.name
    assert (arguments["monitor"], arguments["retry"]) == ("all", False)


# watching


def test_the_tasks_have_the_names_that_are_in_messages():
    module = "qhana_plugin_runner.plugin_utils.interop"
    for task in (monitor_result, monitor_external_substep, call_webhook):
        assert CELERY.tasks[task.name] is not None
    assert monitor_result.name == f"{module}.monitor_result"
    assert monitor_external_substep.name == f"{module}.monitor_external_substep"
    assert call_webhook.name == f"{module}.call_webhook"


def test_a_result_is_monitored_until_there_is_something_new(site, app, webhook):
    answers = iter([b'{"status": "PENDING"}'] * 3 + [b'{"status": "SUCCESS"}'])

    class Changing:
        def __iter__(self):
            return iter((next(answers), {}, 200))

    site.pages["/tasks/1/"] = Changing()
    result_url = f"{site.url}/tasks/1/"
    with working():
        monitor_result.s(
            result_url=result_url, webhook_url=webhook.url, monitor="all"
        ).apply_async()
        assert webhook.next_event() == (result_url, "status")
    assert list(answers) == []


def test_a_step_of_another_runners_task_is_found_by_its_id(plugin_url, webhook):
    """The original never found one."""
    with working():
        result_url = call_plugin_endpoint(f"{plugin_url}process/", {"fullName": "L"})
        monitor_result.s(result_url=result_url, webhook_url=webhook.url).apply_async()
        assert webhook.next_event() == (result_url, "steps")

        _, result = get_task_result_no_wait(result_url)
        (step,) = result["steps"]
        assert (step["stepId"], step["cleared"]) == ("title", False)
        call_plugin_endpoint(step["href"], {"title": "Countess"})

        monitor_external_substep.s(
            result_url=result_url, substep="title", webhook_url=webhook.url
        ).apply_async()
        assert webhook.next_event() == (result_url, "steps")


def test_a_webhook_is_told_which_task_has_changed_and_how(app, webhook):
    call_webhook(webhook.url, task_url="http://runner/tasks/1/", event_type="steps")
    source = ("source", "http://runner/tasks/1/")
    expected = ("POST", "/hook", [source, ("event", "steps")], b"")
    assert webhook.next_call() == expected


# archives and options


@pytest.fixture
def archive_url(site):
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zip_file:
        zip_file.mkdir("folder")
        zip_file.writestr("folder/b.txt", "Zoë\n".encode())
        zip_file.writestr("a.txt", b"")
    return site.put("/archive.zip", archive.getvalue(), Content_Type="application/zip")


def test_an_archive_gives_pairs_of_file_and_name(archive_url):
    pairs = [(name, file.read()) for file, name in get_files_from_zip_url(archive_url)]
    assert pairs == [("folder/b.txt", "Zoë\n"), ("a.txt", "")]


def test_the_mode_t_opens_text_files(archive_url):
    for mode in ({}, {"mode": "t"}):
        files = get_files_from_zip_url(archive_url, **mode)
        assert [line for file, _name in files for line in file] == ["Zoë\n"]


def test_the_mode_b_opens_binary_files(archive_url):
    files = get_files_from_zip_url(archive_url, mode="b")
    assert [line for file, _name in files for line in file] == ["Zoë\n".encode()]


def test_a_file_that_is_no_archive_is_an_error_that_names_it(site):
    with pytest.raises(zipfile.BadZipFile, match="/archive.zip.*no zip archive"):
        next(get_files_from_zip_url(site.put("/archive.zip", b"PK\x03\x04 not really")))


@pytest.mark.parametrize(
    ("mimetype", "body", "shots"),
    [
        ("application/json", b'{"ID": "o", "shots": 10}', 10),
        ("application/json; charset=utf-8", b'[{"ID": "o", "shots": 10}]', 10),
        ("application/X-lines+json", b'{"ID": "o", "shots": 10}\n', 10),
        ("text/csv", b"ID,shots\no,10\n", "10"),
    ],
)
def test_execution_options_are_a_dictionary(site, mimetype, body, shots):
    options = parse_execution_options(site.put("/o", body, Content_Type=mimetype))
    assert options == {"ID": "o", "shots": shots}
    assert type(options) is dict


def test_execution_options_come_from_data_urls_too():
    encoded = b64encode(b'{"shots": 10}').decode()
    assert parse_execution_options(f"data:application/json;base64,{encoded}") == {
        "shots": 10
    }
