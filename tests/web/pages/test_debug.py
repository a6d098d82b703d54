"""The pages for developers."""

import pytest
from helpers.html_tree import foreign_scripts
from helpers.plugins import plugin_source


@pytest.mark.parametrize("path", ["/debug/", "/debug/routes", "/debug"])
def test_there_are_no_debug_pages_outside_of_debug_mode(client, path):
    response = client.get(path, headers={"Accept": "text/html"})

    assert response.status_code == 404
    assert response.json["code"] == 404


@pytest.mark.parametrize("path", ["/debug/", "/debug/routes"])
def test_debug_pages_are_protected_like_the_others(debug_client, visit, path):
    page = visit(debug_client, path)
    response = debug_client.get(path)

    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert foreign_scripts(page) == []
    for link in page.one("nav").all("a"):
        assert debug_client.get(link["href"]).status_code == 200


def test_failures_are_shown_with_file_error_frames_and_advice(
    plugins, make_client, visit
):
    file = plugins.write(
        "broken.py", "def fail():\n    raise ValueError('<bad>')\nfail()\n"
    )

    page = visit(make_client(DEBUG=True), "/debug/")

    failure = page.one("li", class_="failure")
    assert str(file) in failure.one("h3").words
    assert "ValueError: <bad>" in failure.words
    assert f'File "{file}", line 2, in fail' in failure.one("pre").text
    assert "Correct line 2 of broken.py." in failure.words


def test_failures_show_no_passwords(plugins, make_client, visit):
    source = "raise ValueError('redis://:hunter2@host/0', {'token': 'hunter2'})"
    plugins.write("broken.py", source)
    failure = visit(make_client(DEBUG=True), "/debug/").one("li", class_="failure")
    assert "hunter2" not in failure.text and failure.text.count("***") == 4


@pytest.mark.filterwarnings("ignore::qhana_plugin_runner.util.compat.PluginCompatWarning")
def test_used_shims_and_what_is_not_served_are_shown_with_their_places(
    plugins, make_client, visit
):
    more = """
    import marshmallow as ma

    class OldSchema(ma.Schema):
        text = ma.fields.String(missing="")
    """
    old = plugins.write("old.py", plugin_source("old", more=more))
    empty = plugins.write("empty.py", "")

    page = visit(make_client(DEBUG=True), "/debug/")

    shims = page.one("section", aria_labelledby="shims").words
    line = old.read_text().partition("missing=")[0].count("\n") + 1
    assert f"{old}:{line}" in shims and "[field-keyword]" in shims
    notes = page.one("section", aria_labelledby="notes").words
    assert str(empty) in notes and "defines no plugin" in notes
    assert "The only plugin works." in page.one("main").words


def test_working_plugins_are_counted_when_none_failed(plugins, make_client, visit):
    plugins.write("one.py", plugin_source("one"))
    plugins.write("two.py", plugin_source("two"))

    page = visit(make_client(DEBUG=True), "/debug/")

    assert "All 2 plugins work." in page.one("main").words


def test_the_environment_is_shown_without_secrets(make_client, visit):
    client = make_client(
        DEBUG=True,
        SECRET_KEY="hunter2-the-key",
        CELERY={
            "broker_url": "redis://someone:hunter2@127.0.0.1:1/0",
            "result_backend": "cache+memory://",
        },
    )

    page = visit(client, "/debug/")

    environment = page.one("section", aria_labelledby="environment").one("dl")
    environment = {
        row.one("dt").words: row.one("dd").words for row in environment.all("div")
    }
    assert "hunter2" not in page.text
    assert "127.0.0.1:1" in environment["BROKER_URL"]
    assert environment["SQLALCHEMY_DATABASE_URI"].startswith("sqlite:///")
    assert environment["flask"].startswith("3.")


def test_routes_are_listed_and_searched_by_words(plugins, make_client, visit):
    plugins.write("one.py", plugin_source("one"))
    client = make_client(DEBUG=True)

    def rules(query):
        page = visit(client, "/debug/routes", query_string={"q": query})
        assert page.one("input", name="q")["value"] == query
        rows = [
            [cell.words for cell in row.all("td")]
            for row in page.all("tr")
            if row.all("td")
        ]
        return {rule: (endpoint, methods) for rule, endpoint, methods in rows}

    everything = rules("")
    assert everything.keys() >= {
        "/",
        "/plugins/",
        "/plugins/one@v1-0-0/",
        "/debug/routes",
    }
    assert rules("ONE@ get") == {
        "/plugins/one@v1-0-0/": ("one@v1-0-0.PluginView", "GET HEAD OPTIONS")
    }
    assert rules("no such route") == {}
    assert rules('"><script>') == {}
