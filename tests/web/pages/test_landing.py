"""The landing page."""

import sys
from pathlib import Path

import pytest
from helpers.html_tree import foreign_scripts
from helpers.plugins import plugin_source

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.virtual_plugins import VirtualPlugin
from qhana_plugin_runner.plugins.failures import without_folders

WITH_FORM = """
    @BLP.route("/ui/")
    class FormView(MethodView):
        def get(self):
            return "a form"
"""


def cards(page, section="plugins"):
    """Return the cards of a section by their headings."""
    found = page.one("section", aria_labelledby=section).all("li", class_="card")
    return {(card.all("h4") or card.all("h3"))[0].words: card for card in found}


def links(card):
    return [each["href"] for each in card.all("a")]


def test_plugins_are_listed_with_a_link_to_their_page(plugins, make_client, visit):
    plugins.write("one.py", plugin_source("one", "v1.2.0", WITH_FORM))
    plugins.write("two.py", plugin_source("two"))
    client = make_client()

    page = visit(client, "/")

    one, two = cards(page)["one v1.2.0"], cards(page)["two v1.0.0"]
    assert links(one) == ["/workbench/plugins/one@v1-2-0/", "/?tag=test"]
    assert links(two) == ["/workbench/plugins/two@v1-0-0/", "/?tag=test"]
    assert "A plugin for tests." in one.words
    assert [each.words for each in one.one("ul", class_="tags").all("li")] == ["test"]
    for link in (*links(one), *links(two)):
        assert client.get(link).status_code == 200


def test_plugins_are_grouped_by_what_they_are_for(plugins, make_client, visit):
    for name, tag in {"draw": "ML", "clean": "preprocessing", "qml": "QML"}.items():
        source = plugin_source(name).replace('["test"]', f'["{tag}"]')
        plugins.write(f"{name}_plugin.py", source)
    plugins.write("greet_plugin.py", plugin_source("greet"))
    page = visit(make_client(), "/")
    groups = {
        group.words: list(cards(page, group["id"]))
        for group in page.all("h3", class_="group")
    }
    assert groups == {
        "Shape data": ["clean v1.0.0"],
        "Learn": ["draw v1.0.0"],
        "Quantum computing": ["qml v1.0.0"],
        "More plugins": ["greet v1.0.0"],
    }
    jumps = page.one("ul", class_="groups").all("a")
    assert [each.words for each in jumps] == list(groups)


MISSING = """
from qhana_plugin_runner.authoring import plugin

@plugin(version="v1.0.0", tags=["learning"], requirements=["no-such-package~=1.0"])
def learn_it(text: str):
    \"\"\"Learns **it**.

    And more.
    \"\"\"
"""


def test_plugins_whose_packages_are_missing_are_told_of(plugins, make_client, visit):
    plugins.write("learn_it.py", MISSING)
    client = make_client()
    for query in ("", "?tag=learning", "?q=learns"):
        section = visit(client, f"/{query}").one("section", aria_labelledby="missing")
        card = section.one("li", class_="card")
        assert "Learns it." in card.words and "And more" not in card.words
        assert "no-such-package~=1.0" in card.words
        assert "plugin install learn-it" in section.one(class_="advice").words
    assert visit(client, "/?tag=other").all("section", aria_labelledby="missing") == []


def test_the_newest_version_comes_first(plugins, make_client, visit):
    for number in ("v0.9.0", "v0.10.0", "v0.2.0"):
        plugins.write(f"p{number.replace('.', '_')}.py", plugin_source("same", number))

    page = visit(make_client(), "/")

    assert list(cards(page)) == ["same v0.10.0", "same v0.9.0", "same v0.2.0"]


def test_what_plugins_say_of_themselves_is_no_markup(plugins, make_client, visit):
    source = plugin_source("hostile").replace(
        'description = "A plugin for tests."',
        'description = "*Fine*.<script>alert(1)</script>"',
    )
    source = source.replace('tags = ["test"]', "tags = ['\"><script>']")
    plugins.write("hostile.py", source)

    page = visit(make_client(), "/")

    assert foreign_scripts(page) == []
    assert cards(page)["hostile v1.0.0"].one("em").text == "Fine"
    assert cards(page)["hostile v1.0.0"].one("ul").one("li").text == '"><script>'


def test_virtual_plugins_of_loaded_plugins_are_listed(plugins, make_client, visit):
    plugins.write("parent.py", plugin_source("parent"))
    client = make_client()
    with client.application.app_context():
        for parent, name in (("parent@v1-0-0", "mine"), ("unknown", "lost")):
            DB.session.add(
                VirtualPlugin(parent, name, "1", "Made.", "a\nb", f"http://host/{name}/")
            )
        DB.session.commit()

    page = visit(client, "/")

    found = cards(page, "virtual-plugins")
    assert list(found) == ["mine 1"]
    assert links(found["mine 1"])[0] == "/workbench/plugins/mine@1/"
    assert "not served by this runner" in found["mine 1"].words


def test_broken_plugins_are_listed_with_reason_and_advice(plugins, make_client, visit):
    plugins.write("broken.py", "import a_package_that_is_missing")
    plugins.write("packed/__init__.py", "raise ValueError('<b>too bad</b>')")

    page = visit(make_client(), "/")

    section = page.one("section", aria_labelledby="failures")
    failed = {each.one("h3").words: each for each in section.all("li", class_="failure")}
    assert set(failed) == {"broken.py", "packed"}
    reason = "ModuleNotFoundError: No module named 'a_package_that_is_missing'"
    assert reason in failed["broken.py"].words
    assert "Install the package" in failed["broken.py"].words
    assert "ValueError: <b>too bad</b>" in failed["packed"].words


@pytest.mark.parametrize("debug", [False, True])
def test_strangers_see_neither_stack_frames_nor_folders(
    plugins, make_client, visit, debug
):
    plugins.write("broken.py", "raise ValueError('secret_frame')")

    page = visit(make_client(DEBUG=debug), "/")

    assert "raise ValueError" not in page.text
    assert str(plugins.root) not in page.text
    assert ("/debug/" in [each["href"] for each in page.all("a")]) is debug


@pytest.mark.parametrize(
    "text, public",
    [
        ("open:/srv/x/y.csv", "open:y.csv"),
        ("get file:///srv/secret/a.csv", "get file:a.csv"),
        ("sqlite:////srv/inst/db.sqlite", "sqlite:db.sqlite"),
        ("object file:/opt/secret dir/lib/x.so", "object file:x.so"),
        ("PATH=/a/b:/c/d/e", "PATH=b:e"),
        ("'/srv/a/b", "'b"),
        ("in /srv/data/, or ./a/b", "in data, or ./a/b"),
        ("http://host/b/c is text/csv", "http://host/b/c is text/csv"),
    ],
)
def test_paths_of_the_host_are_hidden_in_all_forms(text, public):
    assert without_folders(text) == public


@pytest.mark.parametrize("place", ["PLUGIN_FOLDERS", "instance", "prefix"])
def test_folders_of_the_runner_are_hidden_wherever_they_occur(
    plugins, make_client, tmp_path, place
):
    folder = tmp_path / "my own plugins"
    app = make_client(PLUGIN_FOLDERS=[str(folder)]).application
    if place != "PLUGIN_FOLDERS":
        folder = app.instance_path if place == "instance" else sys.prefix
    with app.app_context():
        for form in ("in {}/a.py line 1", "-I{}/inner/a.py", "x={}//a.py"):
            public = without_folders(form.format(folder))
            assert public.endswith(("a.py", "a.py line 1"))
            assert "/" not in public and str(folder) not in public
        assert without_folders(f"no {folder}") == f"no {Path(folder).name}"


def test_a_plugin_that_is_served_in_part_says_so(plugins, make_client, visit):
    source = plugin_source("empty").partition("@BLP.route")[0]
    plugins.write("empty.py", source)
    client = make_client()

    page = visit(client, "/")

    card = cards(page)["empty v1.0.0"]
    assert "no routes" in card.one(class_="card-problem").words
    own = visit(client, "/workbench/plugins/empty@v1-0-0/")
    assert "no routes" in own.one(class_="card-problem").words
    assert page.all("section", aria_labelledby="failures") == []


def test_what_is_found_and_not_served_is_named_without_folders(
    plugins, make_client, visit
):
    plugins.write("forgotten.py", "class Plugin: pass")
    plugins.write("inner/hidden.py", plugin_source("hidden"))
    plugins.write("data/table.csv", "")
    source = plugin_source("quiet").replace("return BLP", "raise NotImplementedError")
    plugins.write("quiet.py", source)
    base = "class Base(QHAnaPluginBase):\n    pass\n"
    plugins.write("shared.py", plugin_source("shared", more=base))
    plugins.write("fails.py", "open('/srv/some where/secret.txt')")

    page = visit(make_client(), "/")

    notes = page.one("section", aria_labelledby="notes")
    named = {
        row.one("dt").words: row.one("dd").words for row in notes.one("dl").all("div")
    }
    assert named.keys() == {"forgotten.py", "inner", "quiet@v1-0-0", "Base"}
    assert "defines no plugin" in named["forgotten.py"]
    assert "PLUGIN_FOLDERS" in named["inner"]
    assert "no endpoints" in named["quiet@v1-0-0"]
    assert "no name" in named["Base"]
    failed = page.one("section", aria_labelledby="failures").one("li").words
    assert "No such file or directory: 'secret.txt'" in failed
    assert str(plugins.root) not in page.text and "/srv" not in page.text


def test_a_runner_without_plugins_says_what_to_do(client, visit):
    assert "PLUGIN_FOLDERS" in visit(client, "/").one(aria_labelledby="plugins").words


def test_links_work_behind_a_proxy_with_a_prefix(plugins, make_client, visit):
    plugins.write("one.py", plugin_source("one", more=WITH_FORM))
    client = make_client(REVERSE_PROXY_COUNT=1)

    response = client.get(
        "/", headers={"Accept": "text/html", "X-Forwarded-Prefix": "/under"}
    )

    assert 'href="/under/workbench/plugins/one@v1-0-0/"' in response.text
    assert 'href="/under/static/forms.css"' in response.text


def test_only_what_the_runner_serves_may_run_on_its_page(client, visit):
    response = client.get("/", headers={"Accept": "text/html"})
    page = visit(client, "/")

    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert page.all("style") == [] and foreign_scripts(page) == []
    assert not [each for each in page.walk() if "style" in each]


@pytest.mark.parametrize(
    "query, names",
    [
        ("q=PLUGIN+two", {"two v1.0.0"}),
        ("q=nothing+of+that", set()),
        ("tag=test", {"one v1.0.0", "two v1.0.0"}),
        ("tag=other", set()),
        ("type=processing", set()),
        ("q=&tag=&type=", {"one v1.0.0", "two v1.0.0"}),
    ],
)
def test_plugins_are_found_by_words_tag_and_type(
    plugins, make_client, visit, query, names
):
    plugins.write("one.py", plugin_source("one"))
    plugins.write("two.py", plugin_source("two"))

    page = visit(make_client(), f"/?{query}")

    section = page.one("section", aria_labelledby="plugins")
    assert {each.one("h4").words for each in section.all("li", class_="card")} == names
    assert names or "No plugins match." in section.words


def test_pages_of_plugins_get_no_policy_but_for_frames(plugins, make_client):
    plugins.write("one.py", plugin_source("one", more=WITH_FORM))

    response = make_client().get("/plugins/one@v1-0-0/ui/")

    assert response.text == "a form"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("frame-ancestors 'self' ") and ";" not in policy
    assert "X-Frame-Options" not in response.headers
