"""Pages and errors are in the language of whoever asks."""

import pytest
from flask import render_template_string

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask

FORM = """\
import marshmallow as ma
from flask import Response, render_template, request

from qhana_plugin_runner.api.util import FrontendFormBaseSchema


class FormSchema(FrontendFormBaseSchema):
    number = ma.fields.Integer(required=True, validate=ma.validate.Range(min=1))
    name = ma.fields.String(required=True)


@BLP.route("/ui/")
class FormView(MethodView):
    @BLP.html_response(200)
    def get(self):
        schema = FormSchema()
        errors = schema.validate({"number": request.args.get("number", "x")})
        page = render_template(
            "simple_template.html",
            name="the-plugin",
            version="v1.0.0",
            schema=schema,
            values=request.args,
            errors=errors,
        )
        return Response(page)


@BLP.route("/strict/")
class StrictView(MethodView):
    @BLP.arguments(FormSchema(), location="query")
    @BLP.response(200)
    def get(self, values):
        return {}
"""

GERMAN = [
    pytest.param("", "de", id="header"),
    pytest.param("", "de-AT,de;q=0.9,en;q=0.5", id="header with a region"),
    pytest.param("", "fr;q=0.9,de;q=0.8,en;q=0.1", id="second choice"),
    pytest.param("?lang=de", "en", id="query before header"),
    pytest.param("?lang=de", None, id="query without a header"),
    pytest.param("?lang=de-AT", None, id="query with a region"),
    pytest.param("?lang=xx", "de", id="unknown query"),
]
ENGLISH = [
    pytest.param("", None, id="no wish"),
    pytest.param("", "en-GB", id="English"),
    pytest.param("", "xx", id="unknown header"),
    pytest.param("", "*", id="any"),
    pytest.param("", ";;q=,,", id="nonsense"),
    pytest.param("?lang=xx", None, id="unknown query"),
    pytest.param("?lang=../de", None, id="query that is no language"),
    pytest.param("?lang=", "en", id="empty query"),
    pytest.param("?lang=en", "de", id="query before header"),
]


@pytest.fixture
def form_client(plugins):
    from helpers.plugins import plugin_source

    plugins.write("the_plugin.py", plugin_source("the-plugin", more=FORM))
    return plugins.client()


@pytest.fixture
def task_id(client):
    with client.application.app_context():
        task = ProcessingTask(task_name="test")
        task.save(commit=True)
        number = task.id
        DB.session.remove()
    return number


@pytest.mark.parametrize(("query", "header"), GERMAN)
def test_the_landing_page_is_german_for_those_who_ask_for_it(
    client, visit, query, header
):
    page = visit(client, f"/{query}", header)

    assert page.one("html")["lang"] == "de"
    assert "Für Programme" in page.words
    assert "For programs" not in page.words


@pytest.mark.parametrize(("query", "header"), ENGLISH)
def test_the_landing_page_is_english_otherwise(client, visit, query, header):
    page = visit(client, f"/{query}", header)

    assert page.one("html")["lang"] == "en"
    assert "For programs" in page.words


def test_answers_to_one_client_do_not_set_the_language_of_the_next(client, visit):
    languages = [
        visit(client, "/", header).one("html")["lang"]
        for header in ("de", None, "de", "en", "de")
    ]
    assert languages == ["de", "en", "de", "en", "de"]


def test_the_advice_for_a_broken_plugin_is_in_the_language_of_the_reader(plugins, visit):
    plugins.write("broken.py", "import a_package_that_nobody_has\n")
    plugins.write("wrong.py", "def wrong(:\n")
    client = plugins.client(DEBUG=True)

    for path in ("/", "/debug/"):
        german, english = (visit(client, path, each).words for each in ("de", "en"))
        assert "Installieren Sie das Paket, das 'a_package_that_nobody_has'" in german
        assert "Berichtigen Sie Zeile 1 von" in german
        assert "Install the package that provides 'a_package_that_nobody" in english
        assert "Correct line 1 of" in english


def test_the_pages_for_developers_are_german_too(plugins, visit):
    client = plugins.client(DEBUG=True)

    assert "Umgebung" in visit(client, "/debug/", "de").words
    assert " Routen" in visit(client, "/debug/routes?lang=de").words


@pytest.mark.parametrize("query, header", [("", "de"), ("?lang=de", None)])
def test_a_task_is_german_for_those_who_ask_for_it(client, visit, task_id, query, header):
    page = visit(client, f"/tasks/{task_id}/{query}", header)

    assert page.one("html")["lang"] == "de"
    assert "wartet" in page.one("strong").words


def test_a_task_is_english_otherwise_and_its_status_is_for_programs(
    client, visit, task_id
):
    assert "waiting" in visit(client, f"/tasks/{task_id}/").one("strong").words
    status = client.get(f"/tasks/{task_id}/", headers={"Accept-Language": "de"})
    assert status.json["status"] == "PENDING"


@pytest.mark.parametrize("query, header", [("", "de"), ("lang=de", None)])
def test_a_form_and_its_errors_are_german_for_those_who_ask_for_it(
    form_client, visit, query, header
):
    url = "/plugins/the-plugin@v1-0-0/ui/"

    page = visit(form_client, f"{url}?number=x&{query}", header)
    assert page.one("html")["lang"] == "de"
    assert [each.words for each in page.all("button", class_="qhana-form-submit")] == [
        "Eingaben prüfen",
        "Absenden",
    ]
    assert [each.words for each in page.all(class_="qhana-error-message")] == [
        "Keine gültige ganze Zahl.",
        "Dieses Feld muss ausgefüllt werden.",
    ]
    assert "Not a valid" not in page.words
    page = visit(form_client, f"{url}?number=0&{query}", header)
    assert "Muss größer oder gleich 1 sein." in page.words


def test_a_form_and_its_errors_are_english_otherwise(form_client, visit):
    page = visit(form_client, "/plugins/the-plugin@v1-0-0/ui/")

    assert page.one("html")["lang"] == "en"
    assert [each.words for each in page.all(class_="qhana-error-message")] == [
        "Not a valid integer.",
        "Missing data for required field.",
    ]


@pytest.mark.parametrize(
    ("path", "status", "german", "english"),
    [
        ("/tasks/77/", "Not Found", "keinen Task '77'", "Task '77' not found"),
        (
            "/plugins/no%25s/",
            "Not Found",
            "kein Plugin 'no%s'",
            "Plugin 'no%s' not found",
        ),
        ("/nowhere/", "Not Found", "gibt es auf diesem Server", "was not found"),
        ("/files/1/?file-id=x", "Not Found", "Diese Datei gibt", "File not found"),
    ],
)
def test_errors_are_told_in_the_language_of_the_reader(
    client, path, status, german, english
):
    answer = client.get(path, headers={"Accept-Language": "de"})
    assert german in answer.json["message"]
    assert answer.json["status"] == status
    assert "Accept-Language" in answer.vary
    separator = "&" if "?" in path else "?"
    assert german in client.get(f"{path}{separator}lang=de").json["message"]
    assert english in client.get(path).json["message"]


def test_a_method_that_is_not_allowed_is_told_in_the_language_of_the_reader(client):
    answer = client.delete("/", headers={"Accept-Language": "de"})

    assert answer.json["message"].startswith("Die Methode")
    assert answer.json["status"] == "Method Not Allowed"
    assert "GET" in answer.headers["Allow"]


def test_validation_errors_for_programs_are_in_the_language_they_ask_for(form_client):
    url = "/plugins/the-plugin@v1-0-0/strict/?number=0"

    german = form_client.get(url, headers={"Accept-Language": "de"}).json["errors"]
    english = form_client.get(url).json["errors"]

    assert german["query"]["name"] == ["Dieses Feld muss ausgefüllt werden."]
    assert german["query"]["number"] == ["Muss größer oder gleich 1 sein."]
    assert english["query"]["name"] == ["Missing data for required field."]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{ _('%(text)s!', text='<x>') }}", "&lt;x&gt;!"),
        ("{{ _('100%%') }}", "100%"),
        ("{{ _('100%% of %(n)s', n=3) }}", "100% of 3"),
        ("{{ _('<b>') }}", "<b>"),
    ],
)
def test_texts_of_templates_are_formatted_as_by_jinja(client, source, shown):
    with client.application.test_request_context():
        assert render_template_string(source) == shown
        assert render_template_string(source.replace("_(", "gettext(")) == shown
