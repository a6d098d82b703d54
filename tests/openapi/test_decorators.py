"""The decorators of plugins' views, stacked in any order."""

import http
import itertools
from datetime import timedelta

import flask_jwt_extended as jwt
import marshmallow as ma
import pytest
from flask import Response, make_response, request
from flask.views import MethodView

from qhana_plugin_runner.api import ROOT_API
from qhana_plugin_runner.api.util import MaBaseSchema, SecurityBlueprint


class Form(MaBaseSchema):
    input_str = ma.fields.String(required=True)


class Page(MaBaseSchema):
    page_number = ma.fields.Integer(load_default=1)


class Answer(MaBaseSchema):
    given_text = ma.fields.String()


def mounted(plugins, **views):
    """Serve views at ``/test/<name>/`` and return client and document."""
    app = plugins.app()
    blueprint = SecurityBlueprint("test@v1", __name__, url_prefix="/test")
    for name, view in views.items():
        decorated = view(blueprint)
        members = {"post": decorated, "__doc__": "A view."}
        blueprint.route(f"/{name}/")(type(name.title(), (MethodView,), members))
    ROOT_API.register_blueprint(blueprint)
    client = app.test_client()
    return client, client.get("/api-spec.json").json


def token(app, kind="access", **options):
    with app.app_context():
        make = jwt.create_refresh_token if kind == "refresh" else jwt.create_access_token
        return {"Authorization": f"Bearer {make('me', **options)}"}


DECORATORS = {
    "form": lambda blp: blp.arguments(Form(), location="form"),
    "query": lambda blp: blp.arguments(Page(), location="query", required=False),
    "response": lambda blp: blp.response(200, Answer()),
    "html": lambda blp: blp.html_response(200, description="A page."),
    "jwt": lambda blp: blp.require_jwt("jwt"),
}


def any_order(*names, result):
    """Return a view for each order of the decorators, by the names in this order."""
    return {
        "-".join(order): stacked(order, result) for order in itertools.permutations(names)
    }


def stacked(order, result):
    """Return what builds a view with the decorators in an order, the first outermost."""

    def build(blueprint):
        def post(self, *arguments):
            """Do it."""
            return result({k: v for each in arguments for k, v in each.items()})

        for name in reversed(order):
            post = DECORATORS[name](blueprint)(post)
        return post

    return build


def assert_checks_and_documents(client, document, path, headers):
    """Check what all stacks with form, query and token have in common."""
    assert client.post(path, data={"inputStr": "x"}).status_code == 401, path
    answer = client.post(f"{path}?pageNumber=7", data={}, headers=headers)
    assert answer.json == {
        "code": 422,
        "status": "Unprocessable Entity",
        "errors": {"form": {"inputStr": ["Missing data for required field."]}},
    }, path
    operation = document["paths"][path]["post"]
    assert {key: operation[key] for key in ("summary", "security")} == {
        "summary": "Do it.",
        "security": [{"jwt": []}],
    }, path
    assert [each["name"] for each in operation["parameters"]] == ["pageNumber"], path
    assert list(operation["requestBody"]["content"]) == [
        "application/x-www-form-urlencoded"
    ], path
    return operation["responses"]["200"]


def test_decorators_of_a_json_view_may_be_stacked_in_any_order(plugins):
    def result(given):
        return {"given_text": f"{given['input_str']} {given['page_number']}"}

    views = any_order("form", "query", "response", "jwt", result=result)
    client, document = mounted(plugins, **views)
    headers = token(client.application)
    for path in (f"/test/{order}/" for order in views):
        for query, number in (("?pageNumber=7", 7), ("", 1)):
            form = {"inputStr": "x"}
            answer = client.post(f"{path}{query}", data=form, headers=headers)
            assert answer.status_code == 200, path
            assert answer.json == {"givenText": f"x {number}"}, path
        documented = assert_checks_and_documents(client, document, path, headers)
        schema = documented["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Answer"}, path


def test_decorators_of_an_html_view_may_be_stacked_in_any_order(plugins):
    def result(given):
        return f"<p>{given['input_str']} {given['page_number']}</p>"

    views = any_order("form", "query", "html", "jwt", result=result)
    client, document = mounted(plugins, **views)
    headers = token(client.application)
    for path in (f"/test/{order}/" for order in views):
        form = {"inputStr": "x"}
        answer = client.post(f"{path}?pageNumber=7", data=form, headers=headers)
        assert (answer.status_code, answer.mimetype) == (200, "text/html"), path
        assert answer.text == "<p>x 7</p>", path
        documented = assert_checks_and_documents(client, document, path, headers)
        assert documented["description"] == "A page.", path
        assert documented["content"]["text/html"]["schema"] == {"type": "string"}, path


def test_view_may_answer_with_json_or_a_page(plugins):
    def result(given):
        if request.args:
            return make_response("<p>page</p>")
        return {"given_text": "json"}

    views = any_order("response", "html", result=result)
    client, document = mounted(plugins, **views)
    for path in (f"/test/{order}/" for order in views):
        assert client.post(path).json == {"givenText": "json"}, path
        assert client.post(f"{path}?page").text == "<p>page</p>", path
        content = document["paths"][path]["post"]["responses"]["200"]["content"]
        assert set(content) == {"application/json", "text/html"}, path


def html_view(result, *arguments, **options):
    return lambda blp: blp.html_response(*arguments, **options)(lambda self: result())


def test_status_of_a_page_is_that_of_the_view(plugins):
    client, _ = mounted(
        plugins,
        text=html_view(lambda: "text", 201),
        response=html_view(lambda: Response("r", status=202, mimetype="text/plain"), 201),
        both=html_view(lambda: ("text", 203, {"X-Own": "1"}), 201),
    )
    answer = client.post("/test/text/")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert answer.text == "text"
    answer = client.post("/test/response/")
    assert (answer.status_code, answer.mimetype) == (202, "text/plain")
    answer = client.post("/test/both/")
    assert (answer.status_code, answer.headers["X-Own"]) == (203, "1")
    assert answer.mimetype == "text/html"


def test_html_response_documents_examples_and_headers(plugins):
    _, document = mounted(
        plugins,
        one=html_view(
            lambda: "",
            http.HTTPStatus.CREATED,
            example="<p/>",
            headers={"X-Own": {"schema": {"type": "string"}}},
        ),
        many=html_view(lambda: "", 400, examples={"a": {"value": "<a/>"}}, success=False),
    )
    one = document["paths"]["/test/one/"]["post"]["responses"]["201"]
    assert one["description"] == "Created"
    assert one["content"]["text/html"]["example"] == "<p/>"
    assert one["headers"] == {"X-Own": {"schema": {"type": "string"}}}
    many = document["paths"]["/test/many/"]["post"]["responses"]["400"]
    assert many["content"]["text/html"]["examples"] == {"a": {"value": "<a/>"}}


def jwt_view(*arguments, **options):
    def post(self):
        return {"user": jwt.get_jwt_identity()}

    return lambda blp: blp.require_jwt(*arguments, **options)(post)


@pytest.fixture
def guarded(plugins):
    return mounted(
        plugins,
        plain=jwt_view("jwt"),
        optional=jwt_view("jwt", optional=True),
        fresh=jwt_view("jwt", fresh=True),
        refresh=jwt_view("jwt-refresh-token", refresh_token=True),
        mapping=jwt_view({"jwt": []}),
    )


@pytest.mark.parametrize(
    ("view", "given", "status"),
    [
        ("plain", None, 401),
        ("plain", {}, 200),
        ("plain", {"kind": "refresh"}, 401),
        ("plain", {"expires_delta": timedelta(seconds=-1)}, 401),
        ("mapping", {}, 200),
        ("optional", None, 200),
        ("optional", {}, 200),
        ("optional", {"expires_delta": timedelta(seconds=-1)}, 401),
        ("fresh", {}, 401),
        ("fresh", {"fresh": True}, 200),
        ("refresh", {}, 401),
        ("refresh", {"kind": "refresh"}, 200),
    ],
)
def test_view_wants_the_token_that_its_decorator_names(guarded, view, given, status):
    client, _ = guarded
    headers = {} if given is None else token(client.application, **given)
    answer = client.post(f"/test/{view}/", headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert answer.json == {"user": None if given is None else "me"}
    else:
        assert (answer.json["code"], answer.json["status"]) == (401, "Unauthorized")
        assert answer.json["message"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer x.y.z", "Bearer", "Basic eDp5", "Bearer a b c"]
)
def test_odd_token_is_refused_as_json(guarded, header):
    client, _ = guarded
    answer = client.post("/test/plain/", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json["code"] == 401 and answer.json["message"]


def test_token_of_another_deployment_is_refused(guarded, plugins):
    client, _ = guarded
    foreign = token(plugins.app(SECRET_KEY="another secret that is long enough"))
    assert client.post("/test/plain/", headers=foreign).status_code == 401


def test_schemes_are_documented(guarded):
    _, document = guarded
    assert set(document["components"]["securitySchemes"]) == {"jwt", "jwt-refresh-token"}
    security = {
        path.split("/")[2]: item["post"]["security"]
        for path, item in document["paths"].items()
        if path.startswith("/test/")
    }
    assert security == {
        "plain": [{"jwt": []}],
        "optional": [{"jwt": []}, {}],
        "fresh": [{"jwt": []}],
        "refresh": [{"jwt-refresh-token": []}],
        "mapping": [{"jwt": []}],
    }
