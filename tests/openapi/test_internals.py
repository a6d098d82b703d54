"""What :mod:`qhana_plugin_runner.api` overrides or reads inside of flask-smorest and apispec.

None of it is public. A test that fails here names what another version no longer has; the upper bounds
in ``pyproject.toml`` may be raised when all of it is there and :mod:`tests.openapi` passes.
"""

import pytest
from apispec import APISpec
from flask import Flask
from flask_smorest import Api, Blueprint

CONFIG = {"API_TITLE": "t", "API_VERSION": "v", "OPENAPI_VERSION": "3.0.3"}


@pytest.mark.parametrize(
    "name",
    [
        "_init_spec",
        "_openapi_json",
        "_register_rapidoc_rule",
        "_register_redoc_rule",
        "_register_swagger_ui_rule",
        "handle_http_exception",
        "init_app",
        "register_blueprint",
        "spec",
    ],
)
def test_the_api_of_flask_smorest_has_what_the_runner_overrides(name):
    api = Api(
        Flask(__name__), spec_kwargs=dict(title="t", version="v", openapi_version="3.0.3")
    )
    assert hasattr(api, name), f"flask_smorest.Api has no {name}"


@pytest.mark.parametrize(
    "name",
    [
        "DEFAULT_LOCATION_CONTENT_TYPE_MAPPING",
        "_prepare_arguments_doc",
        "register_views_in_doc",
    ],
)
def test_the_blueprint_of_flask_smorest_has_what_the_runner_overrides(name):
    assert hasattr(Blueprint, name), f"flask_smorest.Blueprint has no {name}"


def test_an_app_of_flask_smorest_holds_what_the_runner_reads():
    app = Flask(__name__)
    app.config.update(CONFIG)
    api = Api(app)
    extension = app.extensions["flask-smorest"]
    assert extension["apis"][api.config_prefix]["ext_obj"] is api
    assert extension["blp_name_to_api"] == {}
    assert hasattr(api.ma_plugin.converter, "refs"), "apispec's converter has no refs"
    assert isinstance(api.spec, APISpec) and hasattr(api.spec, "_paths")
