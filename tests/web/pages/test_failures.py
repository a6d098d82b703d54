"""In debug mode the URLs of a plugin that fails show why; elsewhere nobody learns of it."""

import json

import pytest
from helpers.plugins import plugin_source

HTML = {"Accept": "text/html"}

WRONG_ENDPOINT = """
    from flask import url_for

    @BLP.route("/form/")
    class FormView(MethodView):
        def get(self):
            return {"url": url_for(f"{IDENTIFIER}.PluginVieww")}
"""


@pytest.fixture
def debug_client(make_client):
    return make_client(DEBUG=True, TESTING=False)


@pytest.fixture
def broken(plugins):
    """Three plugins: one that works, one with a wrong line, one with half a line."""
    plugins.write("good.py", plugin_source("good"))
    plugins.write("late.py", plugin_source("late") + "\n1 / 0\n")
    source = plugin_source("half-done").replace("class Plugin(", "class Plugin((")
    return plugins.write("half_done/__init__.py", source)


@pytest.mark.parametrize("path", ["", "ui/", "process/"])
def test_a_plugin_that_cannot_be_imported_tells_file_line_and_advice(
    broken, debug_client, path
):
    url = f"/plugins/half-done@v1-0-0/{path}"
    answer = debug_client.post(url) if path == "process/" else debug_client.get(url)
    error = json.loads(answer.text)
    assert (answer.status_code, error["code"]) == (503, 503)
    line = 1 + broken.read_text().split("class Plugin((")[0].count("\n")
    assert (error["file"], error["line"]) == (str(broken), line)
    assert error["message"].startswith("SyntaxError")
    assert error["advice"] == f"Correct line {line} of __init__.py."


def test_people_see_a_page_that_looks_again(broken, debug_client):
    page = debug_client.get("/plugins/late@v1-0-0/ui/", headers=HTML)
    assert page.status_code == 503 and page.mimetype == "text/html"
    assert "ZeroDivisionError" in page.text and "late.py" in page.text
    assert "SyntaxError" not in page.text  # of another plugin
    assert 'http-equiv="refresh"' in page.text
    page = debug_client.get("/workbench/plugins/late@v1-0-0/", headers=HTML)
    assert page.status_code == 503 and "ZeroDivisionError" in page.text


@pytest.mark.parametrize("name", ["unknown@v1", "Plugin", "class@v1-0-0", "%20", "half"])
def test_what_was_never_there_is_unknown_and_others_go_on(broken, debug_client, name):
    answer = debug_client.get(f"/plugins/{name}/")
    assert answer.status_code == 404 and answer.get_json()["code"] == 404
    assert debug_client.get("/plugins/good@v1-0-0/").status_code == 200
    assert debug_client.get("/plugins/good@v1-0-0/x/").get_json()["code"] == 404
    assert debug_client.get("/elsewhere/").get_json()["code"] == 404


@pytest.mark.parametrize(
    "file, source, name",
    [
        ("by_its_file.py", "1 / 0", "by-its-file"),
        ("by-its-folder/__init__.py", "1 / 0", "by-its-folder"),
        (
            "other.py",
            "@plugin\ndef by_function(text: str): return 1 / 0 0",
            "by-function",
        ),
        ("another/__init__.py", "ID = 'in-text@v1'\nfrom no_such import x", "in-text"),
    ],
)
def test_a_broken_plugin_is_known_by_its_file_or_its_text(
    plugins, make_client, file, source, name
):
    plugins.write(file, source)
    answer = make_client(DEBUG=True, TESTING=False).get(f"/plugins/{name}@v1/")
    assert answer.status_code == 503 and answer.get_json()["file"].endswith(file)


def test_a_view_that_raises_tells_its_cause(plugins, make_client):
    file = plugins.write("typo.py", plugin_source("typo", more=WRONG_ENDPOINT))
    url = "/plugins/typo@v1-0-0/form/"
    debug_client = make_client(DEBUG=True, TESTING=False)
    answer = debug_client.get(url)
    error = answer.get_json()
    assert (answer.status_code, error["code"]) == (500, 500)
    assert "Did you mean 'typo@v1-0-0.PluginView'" in error["message"]
    line = 1 + file.read_text().split("PluginVieww")[0].count("\n")
    assert (error["file"], error["line"]) == (str(file), line)
    page = debug_client.get(url, headers=HTML)
    assert page.status_code == 500 and page.mimetype == "text/html"
    assert "Did you mean" in page.text and 'http-equiv="refresh"' not in page.text
    assert "frame-ancestors" in page.headers["Content-Security-Policy"]


def test_metadata_that_fail_are_among_the_plugins_that_failed(
    plugins, make_client, visit
):
    source = plugin_source("typo").replace('"plugin": IDENTIFIER', '"plugin": 1 / 0')
    plugins.write("typo.py", source)
    debug_client = make_client(DEBUG=True, TESTING=False)
    for path in ("/debug/", "/"):
        page = visit(debug_client, path).one("main").words
        assert "ZeroDivisionError: division by zero" in page
    assert "All plugins work" not in visit(debug_client, "/debug/").words


def test_outside_of_debug_mode_nothing_is_told(broken, plugins, make_client):
    plugins.write("typo.py", plugin_source("typo", more=WRONG_ENDPOINT))
    client = make_client(TESTING=False)
    for url, code in (("half-done@v1-0-0/", 404), ("typo@v1-0-0/form/", 500)):
        answer = client.get(f"/plugins/{url}", headers=HTML)
        assert answer.status_code == code
        for secret in ("Error:", "Did you mean", ".py"):
            assert secret not in answer.text
