"""Tests as authors of plugins write them; ``test_fixtures.py`` runs them in a pytest of their own."""

import os
from pathlib import Path

import pytest
import requests
from flask import url_for

from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.testing.running import InputRefused, TaskFailed

pytest_plugins = ["qhana_plugin_runner.testing.fixtures"]


def test_the_client_is_that_of_flask(client):
    answer = client.get(url_for("hello-world@v1-0-0.MetadataView"))
    assert answer.get_json()["title"] == "Hello World"
    assert "Whom or what" in client.get("/plugins/hello-world@v1-0-0/ui/").text


def test_a_task_is_saved(task_data):
    assert ProcessingTask.get_by_id(task_data.id).task_name == "test-data"


@pytest.mark.parametrize("key", ["input_str", "inputStr"])
def test_a_plugin_runs_with_the_whole_chain(run_plugin, key):
    task = run_plugin("hello-world", **{key: "Ada"})
    assert (task.status, task.log) == ("SUCCESS", "Hello Ada!")
    assert task.outputs["hello.txt"].text == task.outputs["hello"].text == "Hello Ada!"
    assert task.outputs["hello"].data_type == "custom/hello-world-output"


def test_what_the_form_does_not_take_is_named(run_plugin):
    with pytest.raises(InputRefused, match="Shorter than minimum length") as refused:
        run_plugin("hello-world@v1-0-0", input_str="")
    assert list(refused.value.errors) == ["inputStr"]
    with pytest.raises(
        InputRefused, match="no plugin 'nobody' among: .*hello-world@v1-0-0"
    ):
        run_plugin("nobody")


def test_a_step_is_answered(run_plugin):
    task = run_plugin("hello-world-multi-step", input_str="Ada")
    assert (task.status, task.open_step["stepId"]) == ("PENDING", "reply")
    with pytest.raises(InputRefused, match="does not wait for the step 'other'"):
        task.answer("other")
    task.answer("reply", input_str="Hi")
    assert task.status == "SUCCESS" and task.open_step is None
    assert {each.name: each.text for each in task.outputs} == {
        "greeting.txt": "Hello Ada!",
        "reply.txt": "Hi",
    }


def test_files_are_served_or_uploaded(run_plugin, fake_data_server, tmp_path):
    table = tmp_path / "a b.csv"
    table.write_text("ID,x\n1,2\n2,4\n")
    by_path = run_plugin("entity-statistics", entities_url=table)
    uploaded = run_plugin("entity-statistics", entities_file=table)
    url = fake_data_server.put([{"ID": "1", "x": 2}, {"ID": "2", "x": 4}], "entities.csv")
    by_url = run_plugin("entity-statistics", entities_url=url)
    for task in (by_path, uploaded, by_url):
        output = next(each for each in task.outputs if "json" in each.name)
        assert output.entities()[1]["mean"] == 3
    assert fake_data_server.requests == ["0/a b.csv", "1/entities.csv"]


def test_a_task_that_fails_says_why(run_plugin, fake_data_server):
    url = fake_data_server.put("{", "broken.json")
    with pytest.raises(TaskFailed, match="ended as FAILURE: .*JSON") as failed:
        run_plugin("entity-statistics", entities_url=url)
    assert list(failed.value.task.outputs) == []


def test_stores_keep_files(task_data, stores):
    file = stores.persist_task_result(task_data.id, "text", "a.txt", "x", "text/plain")
    with stores["local_filesystem"].open(file) as opened:
        assert opened.read() == b"text"


@pytest.mark.skipif("PRODUCT" not in os.environ, reason="starts the product")
def test_the_product_is_there(live_runner):
    plugins = requests.get(f"{live_runner.url}plugins/", timeout=10).json()["plugins"]
    assert "hello-world" in {each["name"] for each in plugins}


def test_nothing_is_written_beside_the_test():
    assert all(each.name.startswith("test_") for each in Path().iterdir())
