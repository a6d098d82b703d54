"""Errors are JSON with code, status and a reason, and tell nothing of the inside."""

import logging
from io import BytesIO

import marshmallow as ma
import pytest
from flask import abort, request
from helpers.runner import runner
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import text

from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.errors import RunnerError


@pytest.fixture
def app(tmp_path):
    """An app as in production: errors in views are answered, not raised."""
    with runner(tmp_path, PROPAGATE_EXCEPTIONS=False, MAX_CONTENT_LENGTH=10_000) as app:
        yield app


def error_of(answer, code, status):
    assert answer.status_code == code
    assert answer.mimetype == "application/json"
    error = answer.get_json()
    assert (error["code"], error["status"]) == (code, status)
    assert error.get("message") or error.get("errors")
    return error


@pytest.mark.parametrize(
    "path", ["/unknown", "/files/1/x", "/plugins/x/y/z/", "/tasks/1/x"]
)
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_an_unknown_path_is_404(client, path, accept):
    error_of(client.get(path, headers={"Accept": accept}), 404, "Not Found")


def test_a_wrong_method_is_405_and_names_the_right_ones(client):
    answer = client.delete("/plugins/")
    error_of(answer, 405, "Method Not Allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


class SecretError(Exception):
    pass


def add_view(app, view):
    blueprint = SecurityBlueprint("test@v1", __name__)
    blueprint.route("/", methods=["GET", "POST"])(view)
    app.register_blueprint(blueprint, url_prefix="/plugins/test@v1")
    return "/plugins/test@v1/"


def test_an_error_in_a_plugins_view_is_500_and_goes_to_the_log(app, client, caplog):
    def view():
        raise SecretError("the password is 1234")

    with caplog.at_level(logging.ERROR):
        answer = client.get(add_view(app, view), headers={"Origin": "http://localhost:1"})
    error_of(answer, 500, "Internal Server Error")
    for inside in ("1234", "SecretError", "Traceback", __file__):
        assert inside not in answer.text
    assert "SecretError: the password is 1234" in caplog.text
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:1"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 410, 418, 429, 501, 503])
def test_an_abort_in_a_plugins_view_is_json(app, client, code):
    answer = client.get(add_view(app, lambda: abort(code)))
    assert answer.status_code == answer.get_json()["code"] == code
    assert answer.get_json()["message"]


def test_a_description_reaches_the_client(app, client):
    answer = client.get(add_view(app, lambda: abort(409, description="It is there.")))
    assert error_of(answer, 409, "Conflict")["message"] == "It is there."


def test_a_response_that_a_plugin_aborts_with_is_sent_as_it_is(app, client):
    path = add_view(app, lambda: abort(app.response_class("teapot", 418)))
    assert client.get(path).text == "teapot"


def test_an_error_of_the_runner_has_its_status_and_text(app, client):
    class Busy(RunnerError):
        http_status = 409

    def view():
        raise Busy("It is busy; wait.")

    assert error_of(client.get(add_view(app, view)), 409, "Conflict") == {
        "code": 409,
        "status": "Conflict",
        "message": "It is busy; wait.",
    }


class FormSchema(FrontendFormBaseSchema):
    class Meta:
        unknown = ma.EXCLUDE

    input_str = ma.fields.String(required=True)
    some_number = ma.fields.Integer(load_default=1)


def test_a_wrong_form_is_422_with_field_and_reason(app, client):
    blueprint = SecurityBlueprint("form@v1", __name__)

    @blueprint.route("/", methods=["POST"])
    @blueprint.arguments(FormSchema(), location="form")
    @blueprint.response(200)
    def process(arguments):
        return arguments

    app.register_blueprint(blueprint, url_prefix="/form")
    answer = client.post("/form/", data={"someNumber": ""})
    error = error_of(answer, 422, "Unprocessable Entity")
    assert error["errors"] == {
        "form": {
            "inputStr": ["Missing data for required field."],
            "someNumber": ["Not a valid integer."],
        }
    }
    answer = client.post("/form/", data={"inputStr": "x", "someNumber": "7", "more": "1"})
    assert answer.get_json() == {"input_str": "x", "some_number": 7}


def test_data_that_a_view_loads_itself_is_422_as_well(app, client):
    answer = client.get(add_view(app, lambda: FormSchema().load({})))
    error = error_of(answer, 422, "Unprocessable Entity")
    assert error["errors"] == {"inputStr": ["Missing data for required field."]}


def test_a_body_that_is_too_large_is_413(client):
    body = b'{"x": "' + b"x" * 10_000 + b'"}'
    answer = client.post("/tasks/1/", data=body, content_type="application/json")
    error_of(answer, 413, "Request Entity Too Large")


@pytest.mark.parametrize(
    "values, named",
    [
        ({"x": ["x"] * 2_000}, "MAX_CONTENT_LENGTH"),
        ({"x": ["x"] * 11}, "up to 10 values and files (MAX_FORM_PARTS)"),
        ({"x": ["x" * 2_000]}, "up to 1000 bytes (MAX_FORM_MEMORY_SIZE)"),
    ],
)
def test_a_form_that_is_too_large_is_413_with_the_settings_that_forbid_it(
    app, client, values, named
):
    app.config.update(MAX_FORM_PARTS=10, MAX_FORM_MEMORY_SIZE=1_000)
    path = add_view(app, lambda: dict(request.form))
    sent = {"data": values, "content_type": "multipart/form-data"}
    error = error_of(client.post(path, **sent), 413, "Request Entity Too Large")
    assert named in error["message"]


@pytest.mark.parametrize("mimetype", ["application/json", "text/csv", ""])
def test_a_body_of_unknown_length_that_is_no_form_is_told_the_one_limit_it_has(
    app, client, mimetype
):
    path = add_view(app, lambda: {"size": len(request.get_data())})
    sent = {"input_stream": BytesIO(b"1" * 20_000), "content_type": mimetype}
    chunked = {"wsgi.input_terminated": True}
    answer = client.post(path, environ_overrides=chunked, **sent)
    message = error_of(answer, 413, "Request Entity Too Large")["message"]
    assert "10000 bytes" in message and "MAX_CONTENT_LENGTH" in message
    assert "form" not in message and "MAX_FORM" not in message


def test_a_form_may_have_thousands_of_values(app, client):
    app.config["MAX_CONTENT_LENGTH"] = None
    path = add_view(app, lambda: {"count": len(request.form.getlist("x"))})
    sent = {"data": {"x": ["1"] * 3_000}, "content_type": "multipart/form-data"}
    assert client.post(path, **sent).get_json() == {"count": 3_000}


def test_a_database_that_is_not_migrated_is_503_with_the_command(tmp_path):
    with runner(tmp_path, tables=False) as app:
        for path in ("/tasks/1/", "/files/1/?file-id=x", "/plugins/"):
            error = error_of(app.test_client().get(path), 503, "Service Unavailable")
            assert "flask db upgrade" in error["message"]


def test_a_database_that_lacks_a_column_is_503_with_the_command(app, client):
    with app.app_context(), DB.engine.begin() as connection:
        statement = 'ALTER TABLE "ProcessingTask" DROP COLUMN progress_unit'
        connection.execute(text(statement))
    error = error_of(client.get("/tasks/1/"), 503, "Service Unavailable")
    assert "flask db upgrade" in error["message"]


def test_a_database_that_cannot_be_opened_is_503(tmp_path):
    folder = tmp_path / "is-a-folder.db"
    with runner(
        tmp_path, tables=False, SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder}"
    ) as app:
        folder.mkdir()
        answer = app.test_client().get("/tasks/1/")
        error = error_of(answer, 503, "Service Unavailable")
        assert "database is unavailable" in error["message"]


def test_a_statement_that_the_database_refuses_is_500_without_its_text(app, client):
    def view():
        DB.session.execute(text("SELECT secret FROM nonsense WHERE ("))

    answer = client.get(add_view(app, view))
    error_of(answer, 500, "Internal Server Error")
    assert "secret" not in answer.text and "nonsense" not in answer.text


def test_a_session_can_be_used_again_after_a_database_error(app, client):
    def view():
        DB.session.execute(text('INSERT INTO "Step" (id, number) VALUES (99, 0)'))

    answer = client.get(add_view(app, view))
    error_of(answer, 500, "Internal Server Error")
    assert client.get("/plugins/").status_code == 200


def test_a_result_backend_that_is_away_is_503(app, client):
    def view():
        raise RedisConnectionError("Connection refused on 10.0.0.1:6379")

    answer = client.get(add_view(app, view))
    error_of(answer, 503, "Service Unavailable")
    assert "10.0.0.1" not in answer.text


@pytest.mark.parametrize("origin", ["http://localhost:4200", "https://127.0.0.1"])
def test_every_answer_may_be_read_and_framed_by_other_ports(client, origin):
    for path in ("/", "/plugins/", "/tasks/1/", "/unknown"):
        answer = client.get(path, headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "X-Frame-Options" not in answer.headers
        assert "frame-ancestors" not in answer.headers.get("Content-Security-Policy", "")


def test_a_preflight_request_allows_json(client):
    answer = client.options(
        "/tasks/1/",
        headers={
            "Origin": "http://localhost:4200",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert answer.status_code == 200
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "content-type" in answer.headers["Access-Control-Allow-Headers"].lower()


def test_the_root_is_json_for_programs(client):
    for accept in (None, "*/*", "application/json", "text/plain"):
        answer = client.get("/", headers={"Accept": accept} if accept else {})
        assert answer.status_code == 200
        assert isinstance(answer.get_json()["title"], str)
