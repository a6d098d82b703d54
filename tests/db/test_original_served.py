"""A database of the original is served: what clients knew before, they find again."""

import shutil
from pathlib import Path

import pytest
from flask_migrate import upgrade
from helpers.runner import runner

from qhana_plugin_runner.db.models.tasks import TaskUpdateSubscription
from qhana_plugin_runner.db.models.virtual_plugins import DataBlob, PluginState
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

ORIGINAL = Path(__file__).with_name("original.db")
HOST = "http://localhost:5005"
STEP = HOST + "/plugins/hello-world-multi-step@v0-2-1"

FILES = {
    1: ("task_1/out/out.txt", "-1FZ0qB02YscRj4QdsS0oCuSWrkEQ_W7_OfrGIqV-qI"),
    2: ("task_2/out/out.txt", "TbN99PwYs7kSiNdlQ4q9LFef3i5CG1JwbvmPojOqKRI"),
    3: ("task_3/out/output1.txt", "pEZQhF7ytRzvRS1Q-tA0J89YmbB3Dpdj3zuwrXXtPVc"),
    4: ("task_3/out/output2.txt", "XT9s8u2xkHkYkjCLEKw5_zK3vQ-IabgQWZZRWJ2S3Bg"),
    5: ("task_4/out/output1.txt", "8-JI-jPrWwx-MFPw1HzQpm9baVVwUuugWDC-o0HJ5oU"),
}


@pytest.fixture
def app(tmp_path):
    shutil.copy(ORIGINAL, tmp_path / "runner.db")
    for number, (path, _) in FILES.items():
        file = tmp_path / "files" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content {number} äöü", "utf-8")
    with runner(tmp_path, tables=False) as app:
        with app.app_context():
            upgrade()
        yield app


def step(number, cleared):
    base = f"{STEP}/{number}/demo-step"
    hrefs = {"href": f"{base}-process/", "uiHref": f"{base}-ui/"}
    return {**hrefs, "stepId": "demo-step", "cleared": cleared}


def output(number, data_type="custom/hello-world-output"):
    path, tag = FILES[number]
    return {
        "href": f"{HOST}/files/{number}/?file-id={tag}",
        "dataType": data_type,
        "contentType": "text/plain",
        "name": Path(path).name,
    }


def links(number):
    return [{"type": "subscribe", "href": f"{HOST}/tasks/{number}/"}]


TASKS = {
    1: {
        "status": "SUCCESS",
        "log": "result: 'my output'",
        "links": links(1),
        "outputs": [output(1)],
    },
    2: {
        "status": "SUCCESS",
        "log": "result: 'ünïcödé output 数据'",
        "links": links(2),
        "outputs": [output(2)],
    },
    3: {
        "status": "SUCCESS",
        "log": "result: 'Processed in the preprocessing step: first'\n"
        "result: 'Processed in the processing step: first second'",
        "progress": {"value": 100.0, "start": 0.0, "target": 100.0, "unit": "%"},
        "steps": [step(3, True)],
        "links": links(3),
        "outputs": [output(3, "hello-world-output"), output(4, "hello-world-output")],
    },
    4: {
        "status": "PENDING",
        "log": "result: 'Processed in the preprocessing step: waiting for step'",
        "progress": {"value": 50.0, "start": 0.0, "target": 100.0, "unit": "%"},
        "steps": [step(4, False)],
        "links": links(4),
        "outputs": [],
    },
}


# What the original did not tell.
ADDED = {"state", "plugin", "createdAt", "startedAt", "finishedAt", "attempt"}


@pytest.mark.parametrize("number", TASKS)
def test_the_status_of_a_task_is_what_it_was(app, number):
    answer = app.test_client().get(f"/tasks/{number}/", base_url=HOST)
    assert answer.status_code == 200
    status = answer.get_json()
    assert {key: value for key, value in status.items() if key not in ADDED} == TASKS[
        number
    ]
    state = {"PENDING": "waiting", "SUCCESS": "succeeded", "FAILURE": "failed"}
    assert status["state"] == state[status["status"]]


@pytest.mark.parametrize("number", FILES)
def test_a_file_is_found_although_its_row_names_a_path_of_another_host(app, number):
    path, tag = FILES[number]
    answer = app.test_client().get(f"/files/{number}/?file-id={tag}", buffered=True)
    assert (answer.status_code, answer.text) == (200, f"content {number} äöü")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert f"filename={Path(path).name}" in answer.headers["Content-Disposition"]


def test_the_subscription_is_told_and_can_be_ended(app):
    with app.app_context():
        told = TaskUpdateSubscription.get_by_task_and_event(4, "status")
        assert told == [("http://localhost:9999/webhooks/1", f"{HOST}/tasks/4/")]
    command = {
        "command": "unsubscribe",
        "webhookHref": "http://localhost:9999/webhooks/1",
        "event": "status",
    }
    assert app.test_client().post("/tasks/4/", json=command).status_code == 200
    with app.app_context():
        assert TaskUpdateSubscription.get_by_task_and_event(4, "status") == []


def test_state_and_blob_of_plugins_are_there(app):
    with app.app_context():
        nested = {"nested": {"list": [1, 2.5, "x", None, True]}}
        assert PluginState.get_value("hello-world", "settings") == nested
        assert PluginState.get_value("hello-world@v0-2-1", "counter") == 7
        assert DataBlob.get_value("hello-world", "blob") == bytes(range(256))


def test_the_virtual_plugin_is_listed_when_its_parent_is_loaded(app):
    registry = app.extensions["qhana_plugins"]
    registry.mounted.clear()  # other tests may have loaded plugins
    client = app.test_client()
    assert client.get("/plugins/").get_json() == {"plugins": []}
    registry.mounted[plugin_identifier("hello-world", "v1")] = _parent(
        "hello-world", "v1"
    )
    listed = client.get("/plugins/").get_json()["plugins"]
    assert [plugin["name"] for plugin in listed] == ["hello-world", "virtual-example"]
    assert listed[1] == {
        "name": "virtual-example",
        "version": "v1.0.0",
        "identifier": "virtual-example@v1-0-0",
        "apiRoot": f"{HOST}/plugins/hello-world@v0-2-1/",
        "description": "A plugin made at runtime.",
        "tags": ["demo", "virtual"],
    }


def _parent(name, version):
    plugin = object.__new__(QHAnaPluginBase)
    plugin.name, plugin.version, plugin.description = name, version, ""
    return plugin
