"""The decorators of blueprints, stacked in any order."""

from datetime import date
from decimal import Decimal
from itertools import permutations

import marshmallow as ma
import pytest
from flask import jsonify
from flask.views import MethodView
from flask_jwt_extended import create_access_token

from qhana_plugin_runner.api import ROOT_API, SECURITY_SCHEMES
from qhana_plugin_runner.api.util import MaBaseSchema, SecurityBlueprint


class AnswerSchema(MaBaseSchema):
    some_text = ma.fields.String()


def mounted(app, **options):
    blueprint = SecurityBlueprint("test@v1", __name__, description="Test.", **options)
    return blueprint, lambda: ROOT_API.register_blueprint(
        blueprint, url_prefix="/test@v1"
    )


def operation(client, method="get"):
    return client.get("/api-spec.json").get_json()["paths"]["/test@v1/"][method]


DECORATORS = {
    "arguments": lambda blp: blp.arguments(
        AnswerSchema(), location="query", required=False
    ),
    "html": lambda blp: blp.html_response(200, description="A page."),
    "error": lambda blp: blp.html_response(400, description="No page.", success=False),
    "jwt": lambda blp: blp.require_jwt("jwt", optional=True),
}


def decorated_view(blueprint, order):
    def view(self, arguments):
        return f"<p>{arguments.get('some_text')}</p>"

    for name in order:
        view = DECORATORS[name](blueprint)(view)
    return view


def test_decorators_work_in_any_order(app, client):
    blueprint, mount = mounted(app)
    orders = {"-".join(order): order for order in permutations(DECORATORS)}
    for name, order in orders.items():
        members = {"get": decorated_view(blueprint, order)}
        blueprint.route(f"/{name}/")(type(name, (MethodView,), members))
    mount()
    document = client.get("/api-spec.json").get_json()
    for path in (f"/test@v1/{name}/" for name in orders):
        answer = client.get(f"{path}?someText=x")
        assert (answer.status_code, answer.text) == (200, "<p>x</p>"), path
        assert answer.mimetype == "text/html", path
        described = document["paths"][path]["get"]
        assert described["responses"]["200"]["description"] == "A page.", path
        assert described["responses"]["400"]["description"] == "No page.", path
        assert "text/html" in described["responses"]["200"]["content"], path
        assert described["security"] == [{"jwt": []}, {}], path
        assert [each["name"] for each in described["parameters"]] == ["someText"], path


class ScoreSchema(ma.Schema):
    score = ma.fields.Raw()


@pytest.mark.parametrize("number", ["nan", "inf", "-Infinity"])
def test_json_of_plugins_has_no_numbers_that_json_has_not(app, client, number):
    blueprint, mount = mounted(app)
    value = {"score": {"x": [float(number), 1.5]}}
    blueprint.route("/schema")(blueprint.response(200, ScoreSchema())(lambda: value))
    blueprint.route("/dict", endpoint="dict")(lambda: value)
    blueprint.route("/jsonify", endpoint="jsonify")(
        lambda: jsonify(Decimal(2), *value.values(), date(2030, 1, 2))
    )
    mount()
    for view in ("schema", "dict"):
        answer = client.get(f"/test@v1/{view}")
        assert answer.get_json() == {"score": {"x": [None, 1.5]}}
    answer = client.get("/test@v1/jsonify").get_json()
    assert answer == ["2", {"x": [None, 1.5]}, "Wed, 02 Jan 2030 00:00:00 GMT"]


@pytest.mark.parametrize("jwt_first", [True, False])
def test_a_view_with_a_token_and_a_response(app, client, jwt_first):
    blueprint, mount = mounted(app)

    def view():
        return {"some_text": "secret"}

    decorators = [blueprint.require_jwt("jwt"), blueprint.response(200, AnswerSchema())]
    for decorate in decorators if jwt_first else reversed(decorators):
        view = decorate(view)
    blueprint.route("/")(view)
    mount()
    answer = client.get("/test@v1/")
    assert (answer.status_code, answer.get_json()["code"]) == (401, 401)
    assert answer.get_json()["message"]
    with app.app_context():
        token = create_access_token("me")
    answer = client.get("/test@v1/", headers={"Authorization": f"Bearer {token}"})
    assert answer.get_json() == {"someText": "secret"}
    answer = client.get("/test@v1/", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert operation(client)["security"] == [{"jwt": []}]
    assert "jwt" in SECURITY_SCHEMES


def test_a_page_keeps_the_status_of_a_response(app, client):
    blueprint, mount = mounted(app)

    @blueprint.route("/")
    @blueprint.html_response(201, example="<p>x</p>", headers={"X": {"schema": {}}})
    def view():
        return app.response_class("<p>made</p>", 202)

    mount()
    assert client.get("/test@v1/").status_code == 202
    described = operation(client)["responses"]["201"]
    assert described["description"] == "Created"


def test_a_page_given_as_text_keeps_its_status(app, client):
    blueprint, mount = mounted(app)
    blueprint.route("/")(blueprint.html_response(201)(lambda: "<p>made</p>"))
    mount()
    answer = client.get("/test@v1/")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
