"""Each request has an id, which its answer tells, and its log lines, messages and webhooks."""

import logging

import pytest
from helpers.outbox import deliver, make_task_with
from helpers.runner import runner

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.tasking.outbox import enqueue
from qhana_plugin_runner.util.current_message import CurrentMessage, working_on
from qhana_plugin_runner.util.logging import ContextFilter

HEADER = "X-Request-ID"


@pytest.fixture
def proxied(tmp_path):
    """A client of a runner behind one proxy."""
    with runner(tmp_path, REVERSE_PROXY_COUNT=1) as app:
        yield app.test_client()


@pytest.mark.parametrize(
    "path, status", [("/plugins/", 200), ("/nothing/", 404), ("//", 308)]
)
def test_every_answer_has_an_id_of_its_own(client, path, status):
    answers = [client.get(path) for _ in range(2)]
    ids = {answer.headers[HEADER] for answer in answers}
    assert {answer.status_code for answer in answers} == {status}
    assert len(ids) == 2 and all(len(each) == 16 for each in ids)


def test_the_id_of_a_stranger_is_not_taken(client):
    answer = client.get("/plugins/", headers={HEADER: "chosen"})
    assert answer.headers.getlist(HEADER) != ["chosen"]


@pytest.mark.parametrize("given", ["a", "0" * 128, "Root=1-67891233-abcdef01", "a.b:c/d"])
def test_the_id_of_a_proxy_is_taken(proxied, given):
    answer = proxied.get("/plugins/", headers={HEADER: given})
    assert answer.headers.getlist(HEADER) == [given]


@pytest.mark.parametrize(
    "given",
    ["", "0" * 129, "two words", "a,b", "<b>", "ä", 'a"', "a\x1b[2J", "a\tb", "%0a"],
)
def test_what_is_no_id_is_replaced(proxied, given):
    environ = {"HTTP_X_REQUEST_ID": given}
    (known,) = proxied.get("/plugins/", environ_overrides=environ).headers.getlist(HEADER)
    assert known != given and len(known) == 16


@pytest.mark.parametrize("name", [HEADER, "x-request-id"])
def test_an_answer_has_no_second_id(app, name):
    app.add_url_rule("/passed-on", view_func=lambda: ("", {name: "of another server"}))
    answer = app.test_client().get("/passed-on")
    (known,) = answer.headers.getlist(HEADER)
    assert len(known) == 16


def test_an_error_of_the_server_names_the_id(app):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/broken", view_func=lambda: 1 / 0)
    answer = app.test_client().get("/broken")
    assert answer.status_code == 500
    assert answer.get_json()["requestId"] == answer.headers[HEADER]
    assert "requestId" not in app.test_client().get("/nothing/").get_json()


def test_scripts_of_other_origins_may_read_the_id(client):
    answer = client.get("/plugins/", headers={"Origin": "http://localhost:4200"})
    assert answer.headers["Access-Control-Expose-Headers"] == HEADER


def test_log_lines_of_a_request_name_it(app, caplog):
    caplog.handler.addFilter(context := ContextFilter())

    @app.get("/logs")
    def logs():
        logging.getLogger("some.plugin").warning("hello")
        return ""

    try:
        known = app.test_client().get("/logs").headers[HEADER]
    finally:
        caplog.handler.removeFilter(context)
    (record,) = [each for each in caplog.records if each.name == "some.plugin"]
    assert (record.request_id, record.context) == (known, f" [request {known}]")


def test_a_webhook_is_called_with_the_id_of_the_request(context, app, webhook, caplog):
    task_id = make_task_with((webhook.url, None))
    with working_on(CurrentMessage(request_id="abc")):
        enqueue(task_id, "status")
    enqueue(task_id, "steps")
    DB.session.commit()
    with caplog.at_level(logging.INFO, "qhana_plugin_runner"):
        deliver(app)
    assert sorted(webhook.events()) == ["status", "steps"]
    assert [each.get("X-Request-Id") for each in webhook.headers_got] == ["abc", None]
    lines = [each.getMessage() for each in caplog.records]
    assert f"called {webhook.url} (steps): HTTP 200" in lines
