"""What tasks are started with is recorded, whoever sends the form."""

import io
from urllib.parse import urlencode

import pytest
from helpers.html_tree import read_html
from helpers.plugins import isolated_plugins
from helpers.product import CHECKOUT

LONG_FORM = """
import marshmallow as ma
from flask import redirect, url_for
from flask.views import MethodView

from qhana_plugin_runner.api.util import FrontendFormBaseSchema, FileUrl, SecurityBlueprint
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

BLP = SecurityBlueprint("long@v1", __name__)


class Plugin(QHAnaPluginBase):
    name, version = "long", "v1"

    def get_api_blueprint(self):
        return BLP


class FormSchema(FrontendFormBaseSchema):
    the_text = ma.fields.String(metadata={"label": "The text"})
    choices = ma.fields.List(ma.fields.String())
    entities = FileUrl(data_input_type="entity/list", data_content_types=["text/csv"])
    key = ma.fields.String(metadata={"input_type": "password"})
    db_password = ma.fields.String()


@BLP.route("/")
class Metadata(MethodView):
    def get(self):
        return {"title": "A long one", "entryPoint": {"href": "./process/"}}


@BLP.route("/process/")
class Process(MethodView):
    @BLP.arguments(FormSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(303)
    def post(self, arguments):
        task = ProcessingTask("long@v1.work")
        task.save(commit=True)
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


@BLP.route("/unknown/")
class Unknown(MethodView):
    def post(self):
        ProcessingTask("long@v1.work").save(commit=True)
        return ""
"""


@pytest.fixture
def client(tmp_path):
    with isolated_plugins(tmp_path) as plugins:
        plugins.write("long.py", LONG_FORM)
        yield plugins.client(plugins.folder, CHECKOUT / "plugins")


def run_of(client, task):
    return client.get(f"/workbench/runs/{task}/")


def test_the_form_of_a_program_is_recorded_without_what_is_private(client):
    data = "http://localhost/files/7/?file-id=abc"
    form = {
        "theText": "a b",
        "choices": ["x", "y"],
        "entities": data,
        "key": "hunter2",
        "dbPassword": "hunter2",
    }
    answer = client.post("/plugins/long@v1/process/", data=form)
    assert answer.status_code == 303
    assert run_of(client, 1).json == {
        "plugin": "long@v1",
        "formData": urlencode(
            [("theText", "a b"), ("choices", "x"), ("choices", "y"), ("entities", data)]
        ),
        "dataInputs": [data],
    }
    # What the workbench tells after that is the same, and changes nothing.
    told = {"resultUrl": "/tasks/1/", "plugin": "p", "formData": "", "dataInputs": [data]}
    assert client.post("/workbench/runs/", json=told).status_code == 204
    assert run_of(client, 1).json["plugin"] == "long@v1"
    assert run_of(client, 1).json["dataInputs"] == [data]


def test_where_nobody_knows_what_is_private_nothing_is_recorded(client):
    assert client.post("/plugins/long@v1/unknown/", data={"a": "1"}).status_code == 200
    assert client.get("/tasks/1/").status_code == 200
    assert run_of(client, 1).status_code == 404


def test_values_of_inputs_that_the_schema_does_not_know_are_told_by_the_page(client):
    data = "http://localhost/files/7/?file-id=abc"
    form = {"entities": data, "stranger": "1"}
    assert client.post("/plugins/long@v1/process/", data=form).status_code == 303
    assert run_of(client, 1).status_code == 404
    told = {
        "resultUrl": "/tasks/1/",
        "plugin": "long@v1",
        "formData": urlencode(form),
        "dataInputs": [data],
    }
    assert client.post("/workbench/runs/", json=told).status_code == 204
    assert run_of(client, 1).json["formData"] == urlencode(form)
    assert run_of(client, 1).json["dataInputs"] == [data]


def test_the_page_of_a_task_shows_its_inputs_by_the_labels_of_the_form(client):
    file = {"file": (io.BytesIO(b"ID\n1\n"), "the.csv"), "dataType": "entity/list"}
    data = client.post("/files/", data=file).json["href"]
    form = {"theText": "<b>", "choices": ["x", "y"], "entities": data, "key": "hunter2"}
    assert client.post("/plugins/long@v1/process/", data=form).status_code == 303
    answer = client.get("/tasks/2/", headers={"Accept": "text/html"})
    assert "hunter2" not in answer.text
    page = read_html(answer.text)
    assert page.one("h1").words == "A long one"
    inputs = page.one("section", aria_labelledby="inputs")
    assert inputs.words == "Inputs Entities the.csv entity/list from Upload, Task 1"
    assert [link["href"].partition("?")[0] for link in inputs.all("a")] == [
        "/workbench/data/1/",
        "/tasks/1/",
    ]
    parameters = page.one("section", aria_labelledby="parameters")
    assert [each.words for each in parameters.one("dl").all("div")] == [
        "The text<b>",
        "Choicesx, y",
        "Key***",
    ]


def test_inputs_of_a_plugin_that_is_gone_are_shown_by_the_names_of_its_fields(client):
    upload = {"file": (io.BytesIO(b"ID\n1\n"), "the.csv"), "dataType": "entity/list"}
    made = client.post("/files/", data=upload).json
    told = {
        "resultUrl": made["task"],
        "plugin": "gone@v1",
        "formData": "a=1&b=javascript:alert(1)",
        "dataInputs": [
            "javascript:alert(1)",
            "https://user:pw@elsewhere.example/x?key=1",
        ],
    }
    assert client.post("/workbench/runs/", json=told).status_code == 204
    page = read_html(client.get("/tasks/1/", headers={"Accept": "text/html"}).text)
    parameters = page.one("section", aria_labelledby="parameters")
    assert [each.words for each in parameters.all("dd")] == ["1"]
    inputs = page.one("section", aria_labelledby="inputs")
    assert "https://elsewhere.example/x" in inputs.words and "pw@" not in inputs.words
    assert [link["href"] for link in inputs.all("a")] == [told["dataInputs"][1]]
