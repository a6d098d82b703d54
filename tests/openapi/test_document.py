"""The OpenAPI document: complete, valid, one for each app, made on demand."""

import re
import threading

import pytest
from helpers.plugins import dangling_references, plugin_source, registry
from helpers.product import CHECKOUT
from jsonschema import Draft4Validator, Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_30, OPENAPI_31

from qhana_plugin_runner.api import ROOT_API

SCHEMAS = """
    import marshmallow as ma
    from qhana_plugin_runner.api.plugin_schemas import PluginMetadataSchema
    from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema, MaBaseSchema

    class LevelSchema(MaBaseSchema):
        below = ma.fields.Nested(lambda: LevelSchema(only=("name",)))
        name = ma.fields.String()

    class InputSchema(FrontendFormBaseSchema):
        data_url = FileUrl(required=True, data_input_type="entity/list")
        count = ma.fields.Integer(load_default=5, validate=ma.validate.Range(min=1))

    @BLP.route("/process/")
    class Process(MethodView):
        @BLP.arguments(InputSchema(unknown=ma.EXCLUDE), location="form")
        @BLP.response(303, description="The task.")
        def post(self, arguments):
            return {}

        @BLP.arguments(InputSchema(partial=True), location="query", required=False)
        @BLP.response(200, LevelSchema(many=True))
        def get(self, arguments):
            return []
"""

METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}


def assert_valid(document):
    """Check what the specification of OpenAPI 3.1 demands, its own schema first."""
    assert document["openapi"] == "3.1.0"
    Draft202012Validator(OPENAPI_31).validate(document)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert document["info"]["title"] and document["info"]["version"]
    assert dangling_references(document) == []
    tags = [tag["name"] for tag in document["tags"]]
    assert len(tags) == len(set(tags))
    for kind in document["components"].values():
        assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in kind)
    for path, item in document["paths"].items():
        assert path.startswith("/")
        for method in item.keys() - {"parameters"}:
            assert method in METHODS
            operation = item[method]
            assert set(operation.get("tags", [])) <= set(tags)
            assert operation["responses"]
            for status, response in operation["responses"].items():
                assert re.fullmatch(r"[1-5]\d\d|default", status)
                assert "$ref" in response or response["description"]
            given = [*item.get("parameters", []), *operation.get("parameters", [])]
            described = {each["name"] for each in given if each.get("in") == "path"}
            assert set(re.findall(r"{(\w+)}", path)) == described
            if "requestBody" in operation:
                assert operation["requestBody"]["content"]
            schemes = document["components"]["securitySchemes"]
            for requirement in operation.get("security", []):
                assert requirement.keys() <= schemes.keys()


@pytest.fixture
def client(plugins):
    for number in range(3):
        source = plugin_source(f"plugin-{number}", more=SCHEMAS)
        plugins.write(f"plugin_{number}.py", source)
    return plugins.client()


def document(client):
    answer = client.get("/api-spec.json")
    assert answer.status_code == 200 and answer.mimetype == "application/json"
    return answer.json


def test_document_is_valid_and_holds_the_runner_and_all_plugins(client):
    found = document(client)
    assert_valid(found)
    assert registry(client.application).failures == []
    assert {"/", "/plugins/", "/plugins/{plugin}/"} <= found["paths"].keys()
    assert [path for path in found["paths"] if path.startswith("/tasks/")]
    assert [path for path in found["paths"] if path.startswith("/files/")]
    for number in range(3):
        operations = found["paths"][f"/plugins/plugin-{number}@v1-0-0/process/"]
        assert {"get", "post"} <= operations.keys()
        assert operations["post"]["tags"] == [f"plugin-{number}@v1-0-0"]


def test_schemas_of_one_name_stay_apart(client):
    found = document(client)
    schemas = found["components"]["schemas"]
    inputs = {name for name in schemas if re.fullmatch(r"Input\d*", name)}
    assert inputs == {"Input", "Input2", "Input3"}
    used = {
        found["paths"][f"/plugins/plugin-{number}@v1-0-0/process/"]["post"][
            "requestBody"
        ]["content"]["application/x-www-form-urlencoded"]["schema"]["$ref"]
        for number in range(3)
    }
    assert used == {f"#/components/schemas/{name}" for name in inputs}
    assert schemas["Input"]["properties"].keys() == {"dataUrl", "count"}


def test_clients_of_before_may_have_the_version_before(plugins):
    plugins.write("odd.py", plugin_source("odd", more=SCHEMAS + ODD_VALUES))
    folders = plugins.folder, CHECKOUT / "plugins"
    found = document(plugins.client(*folders, OPENAPI_VERSION="3.0.3"))
    assert found["openapi"] == "3.0.3"
    Draft4Validator(OPENAPI_30).validate(found)
    count = found["components"]["schemas"]["Input"]["properties"]["count"]
    assert count == {"type": "integer", "default": 5, "minimum": 1}


def test_title_and_version_are_settings(plugins):
    info = document(plugins.client(API_TITLE="Ours", API_VERSION="v7"))["info"]
    assert info == {"title": "Ours", "version": "v7"}


def test_document_is_made_for_the_first_who_asks(client):
    pending = [name for _, name in ROOT_API._undocumented]
    assert "plugin-1@v1-0-0" in pending
    document(client)
    assert ROOT_API._undocumented == []


def test_unchanged_document_is_not_sent_again(client):
    first = client.get("/api-spec.json")
    etag = first.headers["ETag"]
    again = client.get("/api-spec.json", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    other = client.get("/api-spec.json", headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.data) == (200, first.data)
    assert client.head("/api-spec.json").headers["ETag"] == etag


def test_each_app_has_its_own_document(plugins):
    plugins.write("one/one.py", plugin_source("one", more=SCHEMAS))
    plugins.write("two/two.py", plugin_source("two", more=SCHEMAS))
    first = plugins.client(plugins.folder / "one", API_TITLE="First")
    second = plugins.client(plugins.folder / "two", API_TITLE="Second")
    for client, title, names in (
        (second, "Second", {"one", "two"}),
        (first, "First", {"one"}),
        (second, "Second", {"one", "two"}),
    ):
        found = document(client)
        assert_valid(found)
        assert found["info"]["title"] == title
        served = {match[1] for path in found["paths"] if (match := _PLUGIN.match(path))}
        assert served == names
    assert ROOT_API.spec.to_dict() == document(second)


_PLUGIN = re.compile(r"/plugins/(\w+)@")


def test_blueprint_mounted_late_appears_in_the_document(client):
    document(client)
    from qhana_plugin_runner.api.util import SecurityBlueprint

    late = SecurityBlueprint("late@v1", __name__, url_prefix="/late")
    late.add_url_rule("/", "show", lambda: {})
    # Flask refuses this once requests were served; a test client has not that protection.
    client.application._got_first_request = False
    ROOT_API.register_blueprint(late)
    assert ROOT_API.spec.to_dict()["paths"]["/late/"]
    assert document(client)["paths"]["/late/"]


def test_requests_at_once_get_the_same_complete_document(client):
    barrier = threading.Barrier(6)
    answers = []

    def ask():
        own = client.application.test_client()
        barrier.wait()
        answers.append(own.get("/api-spec.json"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.data for answer in answers}) == 1
    assert_valid(answers[0].json)


def test_command_prints_the_document(client):
    result = client.application.test_cli_runner().invoke(args=["openapi", "print"])
    assert result.exit_code == 0
    assert '"/plugins/plugin-2@v1-0-0/process/"' in result.output


def test_errors_of_every_app_are_json(plugins):
    first, second = plugins.client(), plugins.client()
    for client in (first, second):
        answer = client.get("/nowhere")
        assert answer.status_code == 404
        assert answer.json["code"] == 404 and answer.json["message"]
        answer = client.post("/plugins/")
        assert answer.status_code == 405 and answer.json["status"] == "Method Not Allowed"


def test_a_form_with_files_is_documented_as_one_multipart_body(plugins):
    document = plugins.client(CHECKOUT / "plugins").get("/api-spec.json").json
    assert not dangling_references(document)
    process = document["paths"]["/plugins/file-upload@v1-0-0/process/"]["post"]
    (content_type,) = process["requestBody"]["content"]
    assert content_type == "multipart/form-data"
    reference = process["requestBody"]["content"][content_type]["schema"]["$ref"]
    schema = document["components"]["schemas"][reference.split("/")[-1]]
    assert schema["properties"].keys() == {"file", "dataType", "contentType"}
    assert "parameters" not in process


ODD_VALUES = """
    import datetime
    import decimal
    import marshmallow as ma

    class Odd(ma.Schema):
        anything = ma.fields.Float(validate=ma.validate.Range(min=0, max=float("inf")))
        endless = ma.fields.Float(load_default=float("inf"))
        words = ma.fields.List(ma.fields.String(), load_default={"a", "b"})
        marks = ma.fields.Raw(load_default={"a", "b"})
        price = ma.fields.Decimal(
            load_default=decimal.Decimal("2.50"),
            validate=ma.validate.Range(decimal.Decimal("0.5"), decimal.Decimal(10)),
        )
        sample = ma.fields.Field(metadata={"example": object(), "description": "A sample."})
        choice = ma.fields.Raw(validate=ma.validate.OneOf([1, float("nan"), b"x", "y"]))
        keyed = ma.fields.Dict(metadata={"example": {("a", 1): 2, "b": 3}})
        day = ma.fields.Date(load_default=datetime.date(2024, 2, 29))

    @BLP.route("/odd/")
    class OddView(MethodView):
        @BLP.arguments(Odd(), location="form")
        @BLP.response(200, Odd(many=True))
        def post(self, arguments):
            return []
"""


def test_only_the_values_that_json_cannot_hold_are_left_out(plugins, caplog):
    plugins.write("odd.py", plugin_source("odd", more=ODD_VALUES))
    client = plugins.client()
    with caplog.at_level("INFO"):
        found = document(client)

    assert_valid(found)
    assert registry(client.application).failures == []
    assert "post" in found["paths"]["/plugins/odd@v1-0-0/odd/"]
    fields = found["components"]["schemas"]["Odd"]["properties"]
    assert fields["anything"] == {"type": "number", "minimum": 0}
    assert fields["endless"] == {"type": "number"}
    assert sorted(fields["words"]["default"]) == ["a", "b"]
    assert fields["marks"] == {}
    assert fields["price"] == {
        "type": "number",
        "default": 2.5,
        "minimum": 0.5,
        "maximum": 10,
    }
    assert fields["sample"] == {"description": "A sample."}
    assert fields["choice"] == {"enum": [1, "y"]}
    assert fields["keyed"]["example"] == {"b": 3}
    assert fields["day"]["default"] == "2024-02-29"
    (line,) = [text for text in caplog.messages if "leaves out" in text]
    assert (
        "Odd.properties.anything.maximum" in line
        and "Odd.properties.marks.default" in line
    )
