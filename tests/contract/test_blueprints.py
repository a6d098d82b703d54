"""Blueprints of plugins: where they are mounted, and the decorators of their views."""

import io
import sys
from itertools import permutations

import flask_smorest
import pytest
from flask_jwt_extended import create_access_token, create_refresh_token
from helpers.plugins import plugin_source

from qhana_plugin_runner.api import ROOT_API
from qhana_plugin_runner.api.util import SecurityBlueprint

MORE = """\
import marshmallow as ma
from flask import request
from marshmallow import EXCLUDE

from qhana_plugin_runner.api.util import FrontendFormBaseSchema, MaBaseSchema


class InputSchema(FrontendFormBaseSchema):
    input_str = ma.fields.String(required=True)


class OutputSchema(MaBaseSchema):
    output_str = ma.fields.String()


"""


@pytest.fixture
def serve(plugins):
    """Return a function that serves a plugin with further views, and returns a client."""

    def serve(views):
        plugins.write("shop.py", plugin_source("shop", more=MORE) + views)
        return plugins.client()

    return serve


ROOT = "/plugins/shop@v1-0-0"


def test_a_blueprint_is_mounted_below_the_identifier(serve):
    client = serve("")
    assert client.get(f"{ROOT}/").status_code == 200
    rules = [str(rule) for rule in client.application.url_map.iter_rules()]
    assert f"{ROOT}/" in rules


def test_it_is_a_flask_smorest_blueprint_with_a_description_and_templates(tmp_path):
    blueprint = SecurityBlueprint(
        "shop@v1-0-0", __name__, description="Sells.", template_folder=str(tmp_path)
    )
    assert isinstance(blueprint, flask_smorest.Blueprint)
    assert blueprint.description == "Sells."
    assert blueprint.template_folder == str(tmp_path)


def test_its_templates_are_found(plugins):
    plugins.write("templates/price.html", "<b>{{ price }}</b>")
    more = """\
    from flask import render_template

    @BLP.route("/price/")
    def price():
        return render_template("price.html", price=3)
    """
    plugins.write("shop.py", plugin_source("shop", more=more))
    assert plugins.client().get(f"{ROOT}/price/").text == "<b>3</b>"


def test_its_name_may_hold_an_at_sign_and_url_for_finds_its_views(serve):
    client = serve("""
from flask import url_for

@BLP.route("/where/")
class WhereView(MethodView):
    def get(self):
        return {"here": url_for(f"{BLP.name}.WhereView", _external=True)}
""")
    assert "@" in sys.modules["shop"].BLP.name
    assert client.get(f"{ROOT}/where/").json == {"here": f"http://localhost{ROOT}/where/"}


def test_the_root_api_is_one_of_flask_smorest():
    assert isinstance(ROOT_API, flask_smorest.Api)


JWT = """
import flask_jwt_extended

@BLP.route("/{name}/")
class {name}(MethodView):
    @BLP.response(200)
    @BLP.require_jwt({arguments})
    def get(self):
        return {{"who": flask_jwt_extended.get_jwt_identity()}}
"""
ARGUMENTS = {
    "plain": '"jwt"',
    "fresh": '"jwt", fresh=True',
    "optional": '"jwt", optional=True',
    "refresh": '"jwt-refresh-token", refresh_token=True',
}


@pytest.mark.parametrize(
    ("view", "token", "status"),
    [
        ("plain", None, 401),
        ("plain", "access", 200),
        ("plain", "refresh", 401),
        ("fresh", "access", 401),
        ("fresh", "fresh", 200),
        ("optional", None, 200),
        ("optional", "access", 200),
        ("refresh", "access", 401),
        ("refresh", "refresh", 200),
    ],
)
def test_require_jwt_wants_the_token_that_it_names(serve, view, token, status):
    views = [JWT.format(name=name, arguments=each) for name, each in ARGUMENTS.items()]
    client = serve("".join(views))
    with client.application.app_context():
        tokens = {
            "access": create_access_token("me"),
            "fresh": create_access_token("me", fresh=True),
            "refresh": create_refresh_token("me"),
        }
    headers = {"Authorization": f"Bearer {tokens[token]}"} if token else {}
    answer = client.get(f"{ROOT}/{view}/", headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert answer.json == {"who": "me" if token else None}


def test_html_response_only_documents_what_it_is_given(serve):
    client = serve("""
@BLP.route("/page/")
class PageView(MethodView):
    @BLP.html_response(
        201,
        description="The page.",
        examples={"short": {"value": "<p>"}},
        headers={"X-Shop": {"schema": {"type": "string"}}},
        success=True,
    )
    def get(self):
        return "<p>made</p>"

    @BLP.html_response(200, description="Another.", example="<b>")
    def post(self):
        return "<b>posted</b>"
""")
    answer = client.get(f"{ROOT}/page/")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    path = client.get("/api-spec.json").json["paths"][f"{ROOT}/page/"]
    documented = path["get"]["responses"]["201"]
    assert documented["description"] == "The page."
    assert documented["content"]["text/html"]["examples"] == {"short": {"value": "<p>"}}
    assert "X-Shop" in documented["headers"]
    example = path["post"]["responses"]["200"]["content"]["text/html"]["example"]
    assert example == "<b>"


DECORATORS = {
    "arguments": '@BLP.arguments(InputSchema(unknown=EXCLUDE), location="form")',
    "query": '@BLP.arguments(InputSchema(partial=True), location="query", required=False)',
    "response": "@BLP.response(200, OutputSchema())",
    "jwt": '@BLP.require_jwt("jwt", optional=True)',
    "html": '@BLP.html_response(422, description="A form with errors.", success=False)',
}


def view_with_decorators(order):
    stacked = "\n    ".join(DECORATORS[name] for name in order)
    # Like those of Flask, decorators nearer to the function give later arguments.
    names = ", ".join(name for name in order if name in ("arguments", "query"))
    return f"""
@BLP.route("/{"-".join(order)}/")
class {"_".join(order)}(MethodView):
    {stacked}
    def post(self, {names}):
        return {{"output_str": arguments["input_str"] + query.get("input_str", "")}}
"""


def test_decorators_may_be_stacked_in_any_order(serve):
    orders = list(permutations(DECORATORS))
    client = serve("".join(view_with_decorators(order) for order in orders))
    for path in (f"{ROOT}/{'-'.join(order)}/" for order in orders):
        form = {"inputStr": "a", "more": "x"}
        answer = client.post(f"{path}?inputStr=b", data=form)
        assert (answer.status_code, answer.json) == (200, {"outputStr": "ab"}), path
        assert client.post(path).status_code == 422, path


LOCATIONS = {
    "form": {"data": {"inputStr": "x"}},
    "query": {"query_string": {"inputStr": "x"}},
    "json": {"json": {"inputStr": "x"}},
}


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("required", ["", ", required=False"], ids=["", "optional"])
def test_arguments_come_from_form_query_or_json(serve, location, required):
    client = serve(f"""
@BLP.route("/buy/")
class BuyView(MethodView):
    @BLP.arguments(InputSchema(), location="{location}"{required})
    @BLP.response(200, OutputSchema())
    def post(self, arguments):
        return {{"output_str": arguments["input_str"]}}
""")
    answer = client.post(f"{ROOT}/buy/", **LOCATIONS[location])
    assert (answer.status_code, answer.json) == (200, {"outputStr": "x"})


def test_arguments_come_from_files(serve):
    client = serve("""
from flask_smorest.fields import Upload

class FilesSchema(FrontendFormBaseSchema):
    some_file = Upload()

@BLP.route("/upload/")
class UploadView(MethodView):
    @BLP.arguments(FilesSchema(), location="files", required=False)
    @BLP.response(200, OutputSchema())
    def post(self, files):
        return {"output_str": files["some_file"].read().decode()}
""")
    data = {"someFile": (io.BytesIO(b"content"), "name.txt")}
    answer = client.post(f"{ROOT}/upload/", data=data)
    assert (answer.status_code, answer.json) == (200, {"outputStr": "content"})
