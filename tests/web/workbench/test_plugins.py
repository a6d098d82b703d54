"""Plugins as the workbench knows them."""

import time

import pytest
from helpers.html_tree import read_html
from helpers.plugins import isolated_plugins, plugin_source
from helpers.product import CHECKOUT

from qhana_plugin_runner.web.workbench import catalogue as catalogue_module


@pytest.fixture
def client(tmp_path):
    with isolated_plugins(tmp_path) as plugins:
        plugins.write(
            "broken_metadata.py",
            plugin_source("broken").replace(
                "def get(self):", "def get(self):\n        raise ValueError('oh')", 1
            ),
        )
        yield plugins.client(plugins.folder, CHECKOUT / "plugins")


def chosen(client, **query):
    found = read_html(client.get("/workbench/plugins/", query_string=query).text)
    return {
        each["data-plugin-name"] for each in found.all("button", class_="plugin-choice")
    }


def test_plugins_are_chosen_by_tags_name_version_and_words(client):
    greetings = {"hello-world", "hello-world-multi-step"}
    assert chosen(client, tag="hello-world") == greetings
    assert chosen(client, tag=["hello-world", "!multi-step"]) == {"hello-world"}
    assert chosen(client, name="hello-world") == {"hello-world"}
    assert chosen(client, name="hello-world", version=">= v1.0, <2") == {"hello-world"}
    assert chosen(client, name="hello-world", version="v1.0.0") == {"hello-world"}
    assert chosen(client, name="hello-world", version=">1") == set()
    assert chosen(client, q="statistic ENTITY") == {"entity-statistics"}
    assert client.get("/workbench/plugins/?version=newest").status_code == 422


def test_what_another_request_asks_meanwhile_does_not_end_the_list(client, monkeypatch):
    ask = catalogue_module._ask

    def ask_beside_another(entry):
        answers = catalogue_module._current_answers()
        for other in catalogue_module._listed():
            if other.name == "hello-world" and not answers:
                answers[other.metadata_url] = (time.monotonic(), ask(other))
        return ask(entry)

    monkeypatch.setattr(catalogue_module, "_ask", ask_beside_another)
    with client.application.test_request_context():
        entries = catalogue_module.catalogue()
    assert [each.name for each in entries if not (each.type or each.problem)] == []


NO_FILE = (
    b'--x\r\nContent-Disposition: form-data; name="dataType"\r\n\r\n*\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n"
)
"""What browsers send for a form in which no file was chosen."""


@pytest.mark.parametrize("path", ["/files/", "/plugins/file-upload@v1-0-0/process/"])
def test_a_form_without_a_file_is_refused(client, path):
    answer = client.post(
        path, data=NO_FILE, content_type="multipart/form-data; boundary=x"
    )
    assert answer.status_code == 422
    assert answer.json["errors"]["files"] == {
        "file": ["Missing data for required field."]
    }


def test_facts_of_a_plugin_are_told_by_its_url(client):
    url = "http://localhost/plugins/hello-world@v1-0-0/"
    answer = client.get("/workbench/plugin-facts", query_string={"url": url})
    assert answer.json == {
        "pluginUrl": url,
        "pluginName": "hello-world",
        "pluginVersion": "v1.0.0",
    }
    for wrong in ("http://localhost/tasks/", "x", "http://localhost/plugins/none@v1/"):
        answer = client.get("/workbench/plugin-facts", query_string={"url": wrong})
        assert answer.status_code == 204


def test_the_page_of_a_plugin_tells_its_data_and_frames_its_form(client):
    answer = client.get("/workbench/plugins/entity-statistics@v1-0-0/?data=x%26y")
    page = read_html(answer.text)
    frame = page.one("iframe", class_="micro-frontend")
    assert frame["data-src"].endswith("/plugins/entity-statistics@v1-0-0/ui/?data=x%26y")
    assert frame["data-plugin"] == "entity-statistics@v1-0-0"
    assert "entity/list" in page.one("section", aria_labelledby="data").words
    assert client.get("/workbench/plugins/none@v1/").status_code == 404


def test_a_plugin_whose_metadata_fails_is_shown_with_the_reason(client):
    answer = client.get("/workbench/plugins/broken@v1-0-0/")
    assert answer.status_code == 200
    assert "metadata view" in read_html(answer.text).one(class_="card-problem").words
