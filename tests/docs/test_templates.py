"""The reference of templates names what the templates have."""

import re

import pytest
from flask import render_template_string
from helpers.markdown import DOCS, only_block
from helpers.product import CHECKOUT

PAGE = "reference/templates.md"
TEMPLATES = CHECKOUT / "qhana_plugin_runner/templates"


def section(heading):
    """Return the text below a heading of the page."""
    text = (DOCS / PAGE).read_text("utf-8")
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_all_blocks_are_named():
    template = (TEMPLATES / "simple_template.html").read_text("utf-8")
    blocks = re.findall(r"{% block (\w+) %}", template)
    assert {"head", "script"} <= set(blocks)
    for block in blocks:
        assert f"| `{block}` |" in section("simple_template.html")


def test_all_variables_are_named():
    template = (TEMPLATES / "simple_template.html").read_text("utf-8")
    (listed,) = re.findall(r"missing: (.*?)-?#}", template, re.DOTALL)
    names = re.findall(
        r"\b[a-z]+(?:_[a-z]+)*\b", re.sub(r"\(.*?\)", "", listed, flags=re.S)
    )
    assert {"schema", "valid", "example_values"} <= set(names)
    for name in names:
        if name != "see":
            assert f"`{name}`" in section("simple_template.html"), name


@pytest.mark.parametrize("macro", ["render_form", "render_fields", "submit"])
def test_the_arguments_of_macros_are_those_of_the_page(macro):
    template = (TEMPLATES / "forms.html").read_text("utf-8")
    (real,) = re.findall(rf"macro {macro}\((.*?)\) -", template, re.DOTALL)
    (named,) = re.findall(rf"`{macro}\((.*?)\)`", section("forms.html"))
    wanted = [each for each in re.split(r",\s*", real.strip()) if "class" not in each]
    assert re.split(r",\s*", named) == wanted


def test_the_page_of_the_example_is_rendered(app):
    text = only_block(PAGE, "template").text.replace(
        "request.blueprint ~ '.plot'", "'api-root.RootView'"
    )
    with app.test_request_context():
        page = render_template_string(text, name="Plots")
    assert "<h1>Plots</h1>" in page
    assert '<img src="/' in page
