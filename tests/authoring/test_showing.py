"""Visualizations whose page shows what the function returns."""

import json
import re
from html import unescape
from textwrap import dedent

import pytest
from markupsafe import Markup

from qhana_plugin_runner.authoring import Figure, Page
from qhana_plugin_runner.testing.data_server import serving_data
from qhana_plugin_runner.util.package_files import plotly_file, plotly_version

EVIL = "</script><b>%{x}</b>\u2028&"

SOURCE = dedent('''
    from qhana_plugin_runner.authoring import (
        Entities, Figure, Output, Page, PluginType, plugin
    )
    from markupsafe import Markup

    @plugin(
        version="v1.0.0",
        type=PluginType.visualization,
        outputs={"shown": Output("image/html", "text/html")},
    )
    def show(data: Entities, other: Entities | None = None, column: str | None = None) -> RETURNED:
        """Shows things."""
        rows = list(data)
        if not rows:
            raise ValueError("no <rows>")
        return MADE
    ''')
FIGURE = """Figure(
    [{"type": "bar", "x": [row["x"] for row in rows]}],
    title="Bars of " + rows[0]["ID"], notes=["1 < 2"], choices={"column": list(rows[0])},
)"""
PAGE = 'Page(title="Rows", body=Markup("<p>{}</p>").format(rows[0]["ID"]))'

UI = "/plugins/show@v1-0-0/ui/"


@pytest.fixture(scope="module")
def data():
    with serving_data() as server:
        yield server


@pytest.fixture
def serve(author):
    def serve(returned, made):
        return author.serve(SOURCE.replace("RETURNED", returned).replace("MADE", made))

    return serve


def drawn(page):
    """Return the JSON of the figure on a page."""
    pattern = r'<script type="application/json"[^>]*>(.*?)</script>'
    return json.loads(re.search(pattern, page.text, re.S)[1])


@pytest.mark.parametrize("key", ["data", "data-url"])
def test_the_page_draws_the_file_in_its_query(serve, data, key):
    client = serve("Figure", FIGURE)
    url = data.put([{"ID": EVIL, "x": EVIL}], "evil.json")
    page = client.get(UI, query_string={key: url})
    text = "&lt;/script&gt;&lt;b&gt;%{x}&lt;/b&gt;\u2028&amp;"
    assert drawn(page)["data"] == [{"type": "bar", "x": [text]}]
    assert "<b>%" not in page.text and "1 &lt; 2" in page.text
    assert f'value="{url}"' in page.text and '<option value="x">' in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in policy
    assert client.post(UI, data={"data": url}).text.count("qhana-figure-data") == 1


@pytest.mark.parametrize("language, word", [("de", "ausgewählt"), ("en", "selected")])
def test_the_script_of_figures_speaks_the_language_of_the_page(
    serve, data, language, word
):
    client = serve("Figure", FIGURE)
    query = {"data": data.put([{"ID": "a", "x": 1}]), "lang": language}
    page = client.get(UI, query_string=query)
    texts = re.search(r"figure\.js\" data-texts='([^']*)'", page.text)[1]
    assert json.loads(unescape(texts))["selected"] == word


@pytest.mark.parametrize(
    "site, referrer, is_drawn",
    [
        ("cross-site", None, False),
        ("cross-site", "https://evil.example/", False),
        ("cross-site", "https://localhost.evil.example/localhost", False),
        ("cross-site", "http://127.0.0.1:4200/ui/?a=b", True),
        ("same-site", None, True),
        ("same-origin", None, True),
        ("none", None, True),
        (None, "https://evil.example/", True),  # no browser
    ],
)
def test_pages_of_strangers_make_a_view_fetch_nothing(
    serve, data, site, referrer, is_drawn
):
    client = serve("Figure", FIGURE)
    url = data.put([{"ID": "a", "x": 1}])
    told = {"Sec-Fetch-Site": site, "Referer": referrer}
    headers = {name: value for name, value in told.items() if value}
    before = len(data.requests)
    page = client.get(UI, query_string={"data": url}, headers=headers)
    assert page.status_code == 200 and f'value="{url}"' in page.text
    assert ("qhana-figure-data" in page.text) is is_drawn
    assert ("another site" in page.text) is not is_drawn
    assert (len(data.requests) > before) is is_drawn


def test_a_dictionary_may_hold_what_is_shown(serve, data):
    client = serve("dict[str, Figure | list]", f'{{"more": rows, "shown": {FIGURE}}}')
    url = data.put([{"ID": "a", "x": 1}])
    assert drawn(client.get(UI, query_string={"data": url}))["data"][0]["x"] == [1]


def test_a_page_without_a_figure_has_no_script_of_one(serve, data):
    client = serve("Page", PAGE)
    page = client.get(UI, query_string={"data": data.put([{"ID": EVIL}])})
    assert "<p>&lt;/script&gt;" in page.text and "plotly" not in page.text
    assert "'unsafe-eval'" not in page.headers["Content-Security-Policy"]


def test_without_a_file_there_is_the_form(serve):
    client = serve("Figure", FIGURE)
    page = client.get(UI)
    assert "qhana-figure" not in page.text and 'role="alert"' not in page.text
    assert "script-src" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "content, name, reason",
    [
        ("ID\n", "a.csv", "no &lt;rows&gt;"),
        ("[{", "a.json", "is cut off"),
        (b"\x00", "a.bin", "Entities cannot be read"),
        (None, "a.csv", "its server answers 404"),
    ],
)
def test_why_nothing_is_drawn_is_said_in_the_form(serve, data, content, name, reason):
    client = serve("Figure", FIGURE)
    url = data.url + "gone" if content is None else data.put(content, name)
    page = client.get(UI, query_string={"data": url})
    assert page.status_code == 200 and reason in page.text
    assert "qhana-error-summary" in page.text and "qhana-figure" not in page.text


def test_what_is_no_url_is_an_error_of_its_field(serve):
    page = serve("Figure", FIGURE).get(UI, query_string={"data": "nowhere"})
    assert 'id="data-error"' in page.text


def test_other_visualizations_keep_their_form(serve, data):
    client = serve("str", '"text"')
    page = client.get(UI, query_string={"data": data.put([{"ID": "a"}])})
    assert "view-form" not in page.text


def test_the_script_is_served_for_good_under_its_version(author):
    client = author.serve("")
    url = f"/package-files/{plotly_version()}/plotly.min.js"
    with client.get(url) as answer:
        assert answer.data == plotly_file().read_bytes()
        assert "immutable" in answer.headers["Cache-Control"]
        etag = answer.headers["ETag"]
    with client.get(url, headers={"If-None-Match": etag}) as answer:
        assert answer.status_code == 304
    assert client.get("/package-files/0.0.1/plotly.min.js").status_code == 404
    assert client.get(f"/package-files/{plotly_version()}/other.js").status_code == 404


def test_texts_are_plain_and_markup_is_kept():
    figure = Figure([{"x": (EVIL,), "y": [Markup("a<br>b")]}], {"n": 1.5}, title="")
    shown = json.loads(figure.to_json())
    assert shown["data"][0]["x"] == ["&lt;/script&gt;&lt;b&gt;%{x}&lt;/b&gt;\u2028&amp;"]
    assert shown["data"][0]["y"] == ["a<br>b"]
    assert "<" not in figure.json and "\u2028" not in figure.json


def test_a_file_needs_nothing_else(author):
    author.serve("")
    with author.app.test_request_context("/"):
        text = Figure([], title="A <figure>", body=Markup("<p>more</p>")).to_html()
        page = Page(title="A page").to_html()
    assert "<title>A &lt;figure&gt;</title>" in text and "<p>more</p>" in text
    assert not re.search(
        r"<(?:link|img)|<script[^>]*src=", text.replace(plotly_file().read_text(), "")
    )
    assert "<script" not in page


def test_a_file_may_have_one_of_several_types(author):
    source = SOURCE.replace("RETURNED", "Figure").replace("MADE", FIGURE)
    types = 'Annotated[Entities, Field(data_type=("custom/a", "custom/b"))]'
    source = source.replace("data: Entities", f"data: {types}")
    client = author.serve(
        "from typing import Annotated\n"
        f"from qhana_plugin_runner.authoring import Field\n{source}"
    )
    told = client.get("/plugins/show@v1-0-0/").get_json()["entryPoint"]["dataInput"]
    first, second, _other = told
    assert (first["dataType"], second["dataType"]) == ("custom/a", "custom/b")
    assert first["parameter"] == second["parameter"] == "data"
    assert 'data-input="custom/*"' in client.get(UI).text
