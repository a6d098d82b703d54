"""Markdown in templates."""

import pytest
from helpers.html_tree import read_html
from markupsafe import Markup

from qhana_plugin_runner.forms.jinja_helpers import markdown


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src="x" onerror="alert(1)">',
        "[a](javascript:alert(1))",
        '<a href="JaVaScRiPt:alert(1)">a</a>',
        "![a](javascript:alert(1))",
        "<iframe src='/'></iframe>",
        "<form action='/'><input name='a'></form>",
        "<p style='position:fixed' class='qhana-form' id='inputStr'>a</p>",
        "<svg><script>alert(1)</script></svg>",
        "<style>body{display:none}</style>",
        '<meta http-equiv="refresh" content="0">',
        "`</code><script>alert(1)</script>`",
    ],
)
def test_nothing_active_is_left(hostile):
    html = read_html(str(markdown(f"Before.\n\n{hostile}\n\nAfter.")))

    assert "Before." in html.words and "After." in html.words
    for element in html.walk():
        assert element.tag not in (
            "script",
            "style",
            "iframe",
            "form",
            "input",
            "meta",
            "svg",
        )
        assert not {"style", "class", "onerror"} & element.attributes.keys()
        for link in (element.get("href"), element.get("src")):
            assert link is None or "javascript" not in link.lower()


def test_the_result_is_not_escaped_again():
    assert isinstance(markdown("*a*"), Markup)
    assert markdown("*a*").strip() == "<p><em>a</em></p>"


def test_links_leave_the_form_alone():
    link = read_html(
        str(markdown("[a](https://example.org/) https://example.org/b"))
    ).all("a")

    assert [each["target"] for each in link] == ["_blank", "_blank"]
    assert all("noopener" in each["rel"] for each in link)


def test_tables_are_known():
    table = read_html(str(markdown("| a | b |\n|---|---|\n| 1 | 2 |"))).one("table")

    assert [each.text for each in table.all("td")] == ["1", "2"]


def test_the_indentation_of_docstrings_is_no_code():
    text = """First line.

        Second *paragraph*.

            code
    """
    html = read_html(str(markdown(text)))

    assert html.one("em").text == "paragraph"
    assert html.one("code").text.strip() == "code"


@pytest.mark.parametrize("nothing", [None, "", 0])
def test_nothing_gives_nothing(nothing):
    assert markdown(nothing) == ""


def test_an_undefined_variable_gives_nothing(render):
    assert render("<p>{{ missing|markdown }}</p>").one("p").children == []
