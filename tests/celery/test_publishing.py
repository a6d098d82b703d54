"""What a web process leaves behind in the broker: messages in JSON, and nothing else."""

import base64
import json
import socket
import sys

import pytest
from celery.contrib.testing.worker import start_worker
from helpers.runner import runner
from helpers.services import broker
from helpers.worker import QUICK
from redis import Redis

from qhana_plugin_runner.celery import CELERY, BrokerUnavailable
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking.broker import ANSWER_SECONDS
from qhana_plugin_runner.tasks import (
    TASK_STATUS_CHANGED,
    save_task_error,
    save_task_result,
)

PROCESS = "/plugins/hello-world@v1-0-0/process/"


@pytest.fixture
def url(tmp_path):
    with broker(tmp_path / "broker") as url:
        yield url
        CELERY.close()


@pytest.fixture
def redis(url):
    with Redis.from_url(url) as client:
        yield client


@pytest.fixture
def app(tmp_path, url, plugin_folders):
    celery = {"broker_url": url, "result_backend": url}
    with runner(tmp_path, PLUGIN_FOLDERS=plugin_folders, CELERY=celery) as app:
        yield app


def test_messages_are_json(app, redis):
    answer = app.test_client().post(PROCESS, data={"inputStr": "x"})
    assert answer.status_code == 303
    (raw,) = redis.lrange("qhana_plugin_runner", 0, -1)
    message = json.loads(raw)
    assert message["content-type"] == "application/json"
    args, kwargs, embedded = json.loads(base64.b64decode(message["body"]))
    assert (args, kwargs) == ([], {"db_id": 1})
    assert [link["task"] for link in embedded["chain"]] == [save_task_result.name]
    assert message["headers"]["task"] == "hello-world@v1-0-0.hello_task"


def test_publishing_leaves_no_subscription(app, redis):
    client = app.test_client()
    for _ in range(20):
        assert client.post(PROCESS, data={"inputStr": "x"}).status_code == 303
    assert redis.llen("qhana_plugin_runner") == 20
    assert redis.pubsub_channels() == []
    known = redis.client_list()
    assert [c for c in known if int(c["sub"]) or int(c["psub"])] == []
    assert len(known) <= 3  # the one of this test, and at most two of the web process


def test_a_channel_keeps_its_client_as_long_as_its_connections(app):
    with CELERY.connection_for_write() as connection:
        channel = connection.default_channel
        with channel.conn_or_acquire() as first, channel.conn_or_acquire() as second:
            assert first is second
        channel._after_fork()
        with channel.conn_or_acquire() as new:
            assert new is not first
            assert new.ping()


def test_a_chord_leaves_no_subscription_either(app, redis):
    habits = sys.modules["habits"]
    with app.app_context():
        parts = habits.echo.chunks([("a",), ("b",)], 1).group()
        (parts | habits.count.s(db_id=1)).apply_async()
    assert redis.llen("qhana_plugin_runner") == 2
    assert redis.pubsub_channels() == []


@pytest.fixture(params=["away", "silent"])
def down(request, tmp_path, plugin_folders, monkeypatch):
    """An app whose broker is away, or takes connections and never answers."""
    monkeypatch.setattr("qhana_plugin_runner.celery.ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        if request.param == "away":
            server.close()
        celery = {"broker_url": gone, "result_backend": gone}
        with runner(tmp_path, PLUGIN_FOLDERS=plugin_folders, CELERY=celery) as app:
            yield app


def test_without_broker_a_submit_is_answered_with_503_and_the_task_has_failed(down):
    heard = []

    def listen(sender, task_id):
        heard.append(task_id)

    client = down.test_client()
    with TASK_STATUS_CHANGED.connected_to(listen):
        answer = client.post(PROCESS, data={"inputStr": "x"})
    assert answer.status_code == 503
    error = answer.get_json()
    assert (error["code"], error["status"]) == (503, "Service Unavailable")
    assert "broker cannot be reached" in error["message"]
    status = client.get("/tasks/1/").get_json()
    assert status["status"] == "FAILURE"
    assert "broker cannot be reached" in status["log"]
    assert heard == [1]


def test_only_connections_for_sending_give_up_waiting(app):
    limits = {
        way: connect().transport_options.get("socket_timeout")
        for way, connect in (
            ("send", CELERY.connection_for_write),
            ("receive", CELERY.connection_for_read),
        )
    }
    assert limits == {"send": ANSWER_SECONDS, "receive": None}


def test_without_broker_all_tasks_of_a_view_have_failed(down):
    habits = sys.modules["habits"]

    @down.post("/two")
    def two():
        for _ in range(2):
            task = ProcessingTask("a-task")
            task.save(commit=True)
            habits.echo.s("x", db_id=task.id).apply_async()
        return {}

    client = down.test_client()
    assert client.post("/two").status_code == 503
    states = [client.get(f"/tasks/{number}/").json["status"] for number in (1, 2)]
    assert states == ["FAILURE", "FAILURE"]


def test_a_row_that_was_not_committed_is_told_before_the_broker_is_asked(down):
    habits = sys.modules["habits"]

    @down.post("/early")
    def publish_before_commit():
        task = ProcessingTask("a-task")
        DB.session.add(task)
        DB.session.flush()
        work = habits.echo.s("x", db_id=task.id) | save_task_result.s(db_id=task.id)
        work.link_error(save_task_error.s(db_id=task.id))
        work.apply_async()
        return "the answer when all went well"

    answer = down.test_client().post("/early")
    assert (answer.status_code, answer.get_json()["code"]) == (500, 500)
    assert "task.save(commit=True)" in answer.get_json()["message"]
    with down.app_context():
        assert DB.session.query(ProcessingTask).all() == []


def test_without_broker_code_outside_of_a_view_gets_the_error_with_the_tasks_id(down):
    habits = sys.modules["habits"]
    with down.app_context():
        with pytest.raises(BrokerUnavailable) as raised:
            (habits.echo.s("x", db_id=7) | save_task_result.s(db_id=7)).apply_async()
    assert raised.value.task_ids == {7}


def test_commands_to_workers_go_to_the_broker_of_the_newest_app(tmp_path, plugin_folders):
    (tmp_path / "first").mkdir()
    with runner(tmp_path / "first", PLUGIN_FOLDERS=plugin_folders, CELERY=QUICK):
        with start_worker(CELERY, pool="solo", perform_ping_check=False):
            assert CELERY.control.ping(timeout=30, limit=1)
    with broker(tmp_path / "broker") as url:
        celery = {"broker_url": url, "result_backend": url}
        (tmp_path / "newest").mkdir()
        with runner(tmp_path / "newest", PLUGIN_FOLDERS=plugin_folders, CELERY=celery):
            with Redis.from_url(url) as client, client.pubsub() as listener:
                listener.psubscribe("*celery.pidbox*")
                assert listener.get_message(timeout=30)["type"] == "psubscribe"
                CELERY.control.ping(timeout=0.1)
                heard = listener.get_message(timeout=30)
        CELERY.close()
    assert heard is not None and heard["type"] == "pmessage"
