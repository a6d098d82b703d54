"""``/schemas/<endpoint>/``, and the ways that lead there."""

import pytest
from jsonschema import Draft202012Validator

from qhana_plugin_runner.api.form_schemas import form_schema, schema_url
from qhana_plugin_runner.db.models.tasks import ProcessingTask

SOURCE = """
    import marshmallow as ma
    from flask import redirect, render_template, url_for
    from flask.views import MethodView
    from flask_babel import lazy_gettext as _
    from qhana_plugin_runner.api.plugin_schemas import (
        EntryPoint, PluginMetadata, PluginMetadataSchema, PluginType,
    )
    from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
    from qhana_plugin_runner.util.plugins import QHAnaPluginBase

    BLP = SecurityBlueprint("zoo@v1", __name__)

    class Plugin(QHAnaPluginBase):
        name = "zoo"
        version = "v1"
        description = ""
        tags = []

        def get_api_blueprint(self):
            return BLP

    class FormSchema(FrontendFormBaseSchema):
        animals = ma.fields.Integer(
            required=True,
            metadata={
                "label": _("Inputs"), "description": _("Search"), "examples": []
            },
        )
        key_text = ma.fields.String(
            load_default="the default key", metadata={"input_type": "password"}
        )

    class Endless(ma.Schema):
        deeper = ma.fields.Pluck(lambda: Endless(), "deeper")

    @BLP.route("/")
    class Metadata(MethodView):
        @BLP.response(200, PluginMetadataSchema())
        def get(self):
            entry = EntryPoint(href="process/", ui_href="ui/")
            return PluginMetadata(
                "Zoo", "", "zoo", "v1", PluginType.processing, entry
            )

    @BLP.route("/ui/")
    class Frontend(MethodView):
        @BLP.html_response(200)
        def get(self):
            return render_template(
                "simple_template.html", schema=FormSchema(), values={}, errors={},
                name="zoo", version="v1", process=url_for("zoo@v1.Process"),
            )

    @BLP.route("/process/")
    class Process(MethodView):
        @BLP.require_jwt("jwt", optional=True)
        @BLP.arguments(FormSchema(unknown=ma.EXCLUDE), location="form")
        @BLP.response(303)
        def post(self, arguments):
            \"\"\"Count the animals.

            One by one.
            \"\"\"
            return redirect("/", 303)

    @BLP.route("/step/<int:db_id>/")
    class StepProcess(Process):
        pass

    @BLP.route("/function/", methods=["POST"])
    @BLP.arguments(FormSchema(), location="form")
    @BLP.response(303)
    def function(arguments):
        return redirect("/", 303)

    @BLP.route("/endless/")
    class EndlessView(MethodView):
        @BLP.arguments(Endless(), location="form")
        @BLP.response(303)
        def post(self, arguments):
            return redirect("/", 303)
"""

PROCESS = "http://localhost/schemas/zoo@v1.Process/"


@pytest.fixture
def app(with_plugins):
    return with_plugins(SOURCE)


def test_schema_of_an_endpoint(client):
    answer = client.get("/schemas/zoo@v1.Process/")
    assert (answer.status_code, answer.mimetype) == (200, "application/schema+json")
    schema = answer.json
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["description"] == "Count the animals."
    assert schema["required"] == ["animals"]
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate({"animals": 5})
    assert not Draft202012Validator(schema).is_valid({"animals": "5"})
    again = client.get(
        answer.request.path, headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")


def test_texts_are_english_for_whoever_asks_first(with_plugins):
    # One endless schema, and the document holds nothing of the plugin.
    client = with_plugins(SOURCE.partition('@BLP.route("/endless/")')[0]).test_client()
    german = {"headers": {"Accept-Language": "de"}}
    schema = client.get("/schemas/zoo@v1.Process/", **german).json
    document = client.get("/api-spec.json", **german).json
    documented = document["components"]["schemas"]["Form"]
    for each in (schema, documented):
        words = each["properties"]["animals"]
        assert (words["title"], words["description"]) == ("Inputs", "Search")
    assert "Eingaben" in client.get("/plugins/zoo@v1/ui/", **german).text


def test_page_of_a_plugin_has_examples_whatever_its_metadata_say(client):
    answer = client.get("/workbench/plugins/zoo@v1/")
    assert answer.status_code == 200, answer.text
    assert "animals=1" in answer.text


def test_function_may_take_a_form(client):
    assert client.get("/schemas/zoo@v1.function/").json["required"] == ["animals"]


@pytest.mark.parametrize(
    "endpoint", ["zoo@v1.Metadata", "zoo@v1.None", "static", "a/b", "zoo@v1.EndlessView"]
)
def test_no_schema_is_an_error_in_json(client, endpoint):
    answer = client.get(f"/schemas/{endpoint}/")
    assert (answer.status_code, answer.json["code"]) == (404, 404)
    assert endpoint in answer.json["message"]


def test_defaults_of_private_values_are_nowhere(client):
    assert "the default key" not in client.get("/schemas/zoo@v1.Process/").text
    assert "the default key" not in client.get("/api-spec.json").text


def test_metadata_form_and_process_view_lead_to_the_schema(client):
    entry = client.get("/plugins/zoo@v1/").json["entryPoint"]
    assert entry["schemaHref"] == PROCESS
    link = f'<{PROCESS}>; rel="describedby"; type="application/schema+json"'
    assert client.get("/plugins/zoo@v1/ui/").headers["Link"] == link
    process = client.post("/plugins/zoo@v1/process/")
    assert (process.status_code, process.headers["Link"]) == (422, link)
    process = client.post("/plugins/zoo@v1/process/", data={"animals": "5"})
    assert (process.status_code, process.headers["Link"]) == (303, link)
    for other in ("/plugins/zoo@v1/", "/plugins/", "/plugins/zoo@v1/endless/"):
        assert "Link" not in client.get(other).headers


def test_links_keep_the_prefix_of_a_proxy(client):
    at = {"environ_overrides": {"SCRIPT_NAME": "/below"}}
    entry = client.get("/plugins/zoo@v1/", **at).json["entryPoint"]
    assert entry["schemaHref"] == "http://localhost/below/schemas/zoo@v1.Process/"
    assert "/below/schemas/" in client.get("/plugins/zoo@v1/ui/", **at).headers["Link"]


@pytest.mark.parametrize(
    ("href", "found"),
    [
        ("/plugins/zoo@v1/process/", True),
        ("/plugins/zoo%40v1/process/?callback=http://x/", True),
        ("http://localhost/plugins/zoo@v1/step/7/", True),
        ("http://localhost:80/plugins/zoo@v1/process/", True),
        ("https://LocalHost:443/plugins/zoo@v1/process/", True),
        ("http://localhost:8080/plugins/zoo@v1/process/", False),
        ("http://localhost:x/plugins/zoo@v1/process/", False),
        ("http://elsewhere/plugins/zoo@v1/process/", False),
        ("ftp://localhost/plugins/zoo@v1/process/", False),
        ("/plugins/zoo@v1/step/seven/", False),
        ("/plugins/zoo@v1/ui/", False),
        ("/nowhere/", False),
        ("http://[::1/", False),
        ("", False),
    ],
)
def test_schema_is_found_by_where_a_form_is_sent(app, href, found):
    with app.test_request_context("/tasks/7/"):
        assert (schema_url(href) is not None) == found


def test_open_steps_lead_to_their_schemas(client, context):
    task = ProcessingTask("a-task")
    task.save(commit=True)
    task.add_next_step("/plugins/zoo@v1/process/", "/ui/", "first")
    task.clear_previous_step()
    task.save(commit=True)
    assert "stepSchemas" not in client.get(f"/tasks/{task.id}/").json
    task.add_next_step(f"../../plugins/zoo@v1/step/{task.id}/", "/ui/", "second")
    task.save(commit=True)
    status = client.get(f"/tasks/{task.id}/").json
    expected = {"second": "http://localhost/schemas/zoo@v1.StepProcess/"}
    assert status["stepSchemas"] == expected
    assert all("schema" not in key.lower() for step in status["steps"] for key in step)
    assert client.get(expected["second"]).json["required"] == ["animals"]


def test_schema_is_made_once(app, context):
    assert form_schema("zoo@v1.Process") is form_schema("zoo@v1.Process")
