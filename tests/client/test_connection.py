"""Waiting, lost connections, and to whom the token is told."""

import io
import json
import socket
import threading

import pytest
from helpers.site import serving

from qhana_plugin_runner.client import (
    Refused,
    Runner,
    TaskCancelled,
    TaskPending,
    Unreachable,
    connection,
)
from qhana_plugin_runner.client import task as client_task
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import life_cycle


@pytest.fixture
def row(app):
    """A task without messages, which a test changes as a worker would."""
    with app.app_context():
        task = ProcessingTask("a-task", progress_value=0)
        task.save(commit=True)
        yield task


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(connection, "PAUSES", (0.01, 0.02))
    monkeypatch.setattr(client_task, "PAUSE", 0.01)


def test_waiting_sees_each_change_when_it_comes(runner, row):
    seen = []

    def change(task):
        """Go on when the client has seen the change before."""
        seen.append(task.progress.value)
        if task.progress.value < 3:
            row.progress_value += 1
            row.save(commit=True)
        else:
            life_cycle.succeed(row.id)

    task = runner.task(row.id).wait(60, progress=change)
    assert seen == [0, 1, 2, 3, 100]
    assert task.has_ended and task.log == ""


def test_waiting_has_an_end(runner, row):
    task = runner.task(row.id)
    with pytest.raises(
        TaskPending, match=f"Task {row.id} PENDING.*within 0.01 s"
    ) as caught:
        task.wait(0.01)
    assert isinstance(caught.value, TimeoutError)


def test_a_canceled_task_is_told_apart(runner, row):
    task = runner.task(row.id)
    task.cancel()
    assert task.state == "cancelled"
    with pytest.raises(TaskCancelled):
        task.wait(60)


def test_the_progress_bar_is_tqdms(runner, row, capsys):
    def end():
        row.progress_value = 100
        row.save(commit=True)
        life_cycle.succeed(row.id)

    end()
    runner.task(row.id).wait(60, progress=True)
    assert "SUCCESS |##########| 100/100" in capsys.readouterr().err.replace("█", "#")
    runner.task(row.id).wait(60)
    assert capsys.readouterr().err == ""


class Losing:
    """Serves an app, but loses the connections of some requests, or says that it is away."""

    def __init__(self, app):
        self.app = app
        self.losses = 0
        self.away = 0
        self.seen = []

    def __call__(self, environ, start_response):
        self.seen.append(environ["REQUEST_METHOD"])
        if self.losses:
            self.losses -= 1
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        if self.away:
            self.away -= 1
            start_response("503 Service Unavailable", [])
            return [b""]
        return self.app(environ, start_response)


@pytest.fixture
def losing(app):
    return Losing(app)


@pytest.fixture
def lossy(losing, token):
    with serving(losing) as url, Runner(url, token) as runner:
        runner.plugins()
        losing.seen.clear()
        yield runner


def test_reads_are_tried_again(quick, losing, lossy):
    losing.losses = losing.away = 1
    assert lossy.plugins()
    assert losing.seen == ["GET", "GET", "GET"]
    losing.losses = 3
    with pytest.raises(Unreachable):
        lossy.plugins()
    losing.away = 3
    with pytest.raises(Refused, match="503"):
        lossy.plugins()


def test_waiting_ends_in_time_when_the_runner_is_away(losing, lossy, row):
    task = lossy.task(row.id)
    losing.seen.clear()
    losing.losses = 1
    with pytest.raises(TaskPending, match="0.01 s: .* cannot be reached") as caught:
        task.wait(0.01)
    assert isinstance(caught.value.__cause__, Unreachable)
    losing.away = 1
    with pytest.raises(TaskPending, match="0.01 s: 503"):
        task.wait(0.01)
    assert losing.seen == ["GET", "GET"]


def test_waiting_ends_in_time_when_the_runner_is_silent(monkeypatch, losing, lossy, row):
    monkeypatch.setattr(connection, "GRACE", 0.01)
    task, app, test_is_over = lossy.task(row.id), losing.app, threading.Event()
    losing.app = lambda *request: test_is_over.wait(50) and app(*request)
    try:
        with pytest.raises(TaskPending, match="0.01 s: .* cannot be reached: timed out"):
            task.wait(0.01)
    finally:
        test_is_over.set()


def test_submits_are_sent_once(quick, losing, lossy):
    plugin = lossy.plugin("hello-world")
    assert plugin.schema
    losing.seen.clear()
    losing.losses = 1
    with pytest.raises(Unreachable, match="may have received"):
        lossy.submit(plugin, inputStr="a")
    losing.away = 1
    with pytest.raises(Refused, match="503"):
        lossy.submit(plugin, inputStr="a")
    assert losing.seen == ["POST", "POST"]


def test_the_first_submit_may_have_been_received(losing, token):
    losing.losses = 1
    with serving(losing) as url, Runner(url, token) as runner:
        with pytest.raises(Unreachable, match="may have received"):
            runner.upload(io.BytesIO(b"a"))
    with pytest.raises(Unreachable) as caught:
        runner.upload(io.BytesIO(b"a"))
    assert "received" not in str(caught.value)


def test_a_submit_that_was_received_says_so(quick, losing, lossy):
    plugin = lossy.plugin("hello-world")
    assert plugin.schema

    def lose_after_post(environ, start_response):
        losing.losses = 3
        return app(environ, start_response)

    app, losing.app = losing.app, lose_after_post
    with pytest.raises(Unreachable, match="it has received the request: http.*/tasks/"):
        lossy.submit(plugin, inputStr="a")


def test_a_task_whose_redirect_is_lost_is_found(quick, losing, lossy):
    plugin = lossy.plugin("hello-world")
    assert plugin.schema

    def lose_after_post(environ, start_response):
        if environ["REQUEST_METHOD"] == "POST":
            losing.losses = 1
        return app(environ, start_response)

    app, losing.app = losing.app, lose_after_post
    assert lossy.submit(plugin, inputStr="a").wait(60).log == "Hello a!"


def test_downloads_begin_again(quick, losing, lossy, tmp_path):
    output = lossy.run("hello-world", inputStr="a")[0]
    losing.losses = 1
    assert output.save(tmp_path).read_text("utf-8") == "Hello a!"


def test_a_runner_that_was_never_there_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with Runner(f"http://127.0.0.1:{port}") as runner:
        with pytest.raises(
            Unreachable, match=f"{port}/ cannot be reached: Connection re"
        ):
            runner.plugins()


@pytest.mark.parametrize("url", ["localhost:5005", "ftp://localhost", ""])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(ValueError, match="http://"):
        Runner(url)


def test_the_token_is_for_the_runner_alone(runner, site, url):
    metadata = {"name": "far", "entryPoint": {"href": "process/"}}
    site.put("/far/", json.dumps(metadata).encode(), Content_Type="application/json")
    far = runner.plugin(f"{site.url}/far/")
    assert far.href == f"{site.url}/far/process/"
    assert "Authorization" not in site.requests[-1].headers
    root = url.removesuffix("/quantum/runner")
    for foreign in (root, f"{root}/quantum/runner-2/", f"{root}/other/"):
        assert not is_token_sent(runner, foreign)
    for own in (url + "/", f"{url}/tasks/1/", f"{url.replace('127', 'u@127')}/plugins/"):
        assert is_token_sent(runner, own)
    assert "Bearer" not in repr(runner) + repr(vars(runner))


@pytest.mark.parametrize(
    ("url", "is_sent"),
    [
        ("https://runner.example/base/tasks/", True),
        ("https://runner.example:443/base/", True),
        ("https://runner.example:8443/base/", False),
        ("https://runner.example/based/", False),
        ("https://runner.example.org/base/", False),
        ("https://runner.example@other.example/base/", False),
    ],
)
def test_the_token_is_sent_to_the_secure_address_of_the_runner(url, is_sent):
    with Runner("http://Runner.example/base", "a token") as runner:
        assert is_token_sent(runner, url) is is_sent
    with Runner("https://runner.example/base", "a token") as runner:
        assert not is_token_sent(runner, url.replace("https", "http"))


def is_token_sent(runner, url):
    session = runner._connection._session
    request = session.prepare_request(connection.requests.Request("GET", url))
    return "Authorization" in request.headers


def test_a_redirect_does_not_take_the_token_along(site, token):
    elsewhere = site.url.replace("127.0.0.1", "localhost")
    site.put("/plugins/", status=307, Location=f"{elsewhere}/list/")
    site.put("/list/", b'{"plugins": []}', Content_Type="application/json")
    with Runner(site.url, token) as runner:
        assert runner.plugins() == []
    tokens = [request.headers.get("Authorization") for request in site.requests]
    assert tokens == [f"Bearer {token}", None]


@pytest.mark.parametrize(
    ("location", "is_sent"),
    [
        ("/runner/list/", True),
        ("/elsewhere/list/", False),
        ("/runner/../elsewhere/list/", False),
        ("/runner/%2e%2e/elsewhere/list/", False),
        ("/runner/..%2felsewhere/list/", False),
    ],
)
def test_a_redirect_on_the_same_host_keeps_the_token_in_the_runner(
    location, is_sent, token
):
    seen = []

    def app(environ, start_response):
        seen.append(environ.get("HTTP_AUTHORIZATION"))
        redirect = [("Location", location)] if len(seen) == 1 else []
        status = "307 Temporary Redirect" if redirect else "200 OK"
        start_response(status, [("Content-Type", "application/json"), *redirect])
        return [b'{"plugins": []}']

    with serving(app) as url, Runner(f"{url}/runner/", token) as runner:
        assert runner.plugins() == []
    assert seen == [f"Bearer {token}", f"Bearer {token}" if is_sent else None]


def test_runners_that_hold_back_nothing_are_asked_again(quick, site):
    """As the original one does, which knows neither states nor tags."""
    pending = {"status": "PENDING", "log": "", "progress": {"value": 1, "new": 2}}
    answers = [pending] * 3
    answers.append({"status": "FAILURE", "log": "Traceback\n  ...\nKeyError: 'x'\n\n"})

    def original(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answers.pop(0)).encode()]

    with serving(original) as url, Runner(url) as runner:
        with pytest.raises(
            client_task.TaskFailed, match="<Task 1 FAILURE>: KeyError: 'x'$"
        ):
            runner.task(1).wait(60, progress=lambda task: task.progress)
    assert not answers


def test_threads_may_share_a_runner(runner):
    logs = []

    def run(number):
        task = runner.submit("hello-world", inputStr=str(number)).wait(60)
        logs.append(task.log)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(logs) == [f"Hello {n}!" for n in range(4)]
