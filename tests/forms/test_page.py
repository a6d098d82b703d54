"""The form around the fields, and the page around the form."""

import marshmallow as ma
import pytest

from qhana_plugin_runner.api.util import FrontendFormBaseSchema

USUAL = """
{% import "forms.html" as forms %}
{% call forms.render_form(action=process, method="post") %}
{{ forms.render_fields(schema, values=values, errors=errors) }}
{{ forms.submit("submit", action=process) }}
{% endcall %}
"""


class Schema(FrontendFormBaseSchema):
    input_str = ma.fields.String(required=True)


def test_a_form_is_written_around_its_fields(render):
    form = render(USUAL, schema=Schema(), process="/process/?a=1&b=2").one("form")

    assert form.classes == ["qhana-form"]
    assert form["action"] == "/process/?a=1&b=2"
    assert form["method"] == "post"
    assert form["enctype"] == "multipart/form-data"
    assert form["data-target"] == "api"
    assert form.one("input")["name"] == "inputStr"
    submit = form.one("button")
    assert submit.words == "submit"
    assert submit["type"] == "submit"
    assert submit.classes == ["qhana-form-submit"]
    assert submit["formaction"] == "/process/?a=1&b=2"
    assert submit["data-target"] == "api"
    assert "formmethod" not in submit


def test_a_form_can_go_elsewhere_by_other_means(render):
    form = render(
        '{% from "forms.html" import render_form, submit %}'
        '{% call render_form(method="get", target="microfrontend", class="wide") %}'
        '{{ submit("<b>", "", method="post", target="microfrontend", class="big") }}'
        "{% endcall %}"
    ).one("form")

    assert form.classes == ["wide"]
    assert form["data-target"] == "microfrontend"
    assert "action" not in form and "enctype" not in form
    button = form.one("button")
    assert button.words == "<b>"
    assert button.classes == ["big"]
    assert button["formmethod"] == "post"
    assert button["formenctype"] == "multipart/form-data"
    assert "formaction" not in button


def test_a_page_shows_the_form_of_a_plugin(render_page):
    page = render_page(
        name="a <plugin>",
        version="v1.2.3",
        schema=Schema(),
        values={"inputStr": "x"},
        errors={},
        valid=False,
        process="/process/",
        help_text="Read *this*.",
        example_values="/ui/?inputStr=a",
    )

    assert page.one("html")["lang"] == "en"
    assert page.one("title").words == "a <plugin> (v1.2.3)"
    assert page.one("link", rel="stylesheet")["href"] == "/static/forms.css"
    assert page.one("body").classes == ["qhana-body"]
    main = page.one("main", class_="qhana-microfrontend")
    assert main.one("h1").words == "a <plugin> v1.2.3"
    assert main.one("input")["value"] == "x"
    help_ = main.one("details", class_="qhana-help")
    assert help_.one("em").text == "this"
    assert help_.one("a")["href"] == "/ui/?inputStr=a"
    assert help_.one("a").text == "Fill in example values."
    assert [each["src"] for each in page.all("script")] == ["/static/microfrontend.js"]
    assert page.all(class_="qhana-notice") == []


@pytest.mark.parametrize("done", [None, "/done/"])
def test_a_page_can_check_or_send_what_was_entered(render_page, done):
    page = render_page(schema=Schema(), process="/process/", done=done)
    form = page.one("form")
    buttons = form.one(class_="qhana-form-buttons").all("button")
    # The first one is what the enter key presses.
    expected = [("validate", "microfrontend", None), ("submit", "api", "/process/")]
    expected += [("done", "api", "/done/")] if done else []

    assert (form["data-target"], form.get("action")) == ("microfrontend", None)
    assert [
        (each.text, each["data-target"], each.get("formaction")) for each in buttons
    ] == expected


@pytest.mark.parametrize(
    "errors, is_said", [({}, True), (None, True), ({"inputStr": ["Bad."]}, False)]
)
def test_a_page_says_that_everything_is_valid(render_page, errors, is_said):
    page = render_page(schema=Schema(), valid=True, errors=errors)
    notices = page.all(class_="qhana-notice")

    assert [(each["role"], each.text) for each in notices] == (
        [("status", "Validation successful!")] if is_said else []
    )


def test_a_plugin_that_fills_the_content_fills_the_whole_body(render):
    page = render(
        '{% extends "simple_template.html" %}{% block content %}'
        '<div class="qhana-microfrontend">{% block help %}<i>Mine.</i>{% endblock %}</div>'
        "{% endblock %}",
        schema=Schema(),
        help_text="Help.",
    )

    assert page.one(class_="qhana-microfrontend").tag == "div"
    assert page.one("body").words == "Mine."


def test_a_plugin_can_include_the_common_part_of_a_page(render):
    page = render('<head>{% include "common_template.html" %}</head>')

    assert page.one("link", rel="stylesheet")["href"] == "/static/forms.css"


def test_a_page_needs_no_variable_at_all(render_page):
    page = render_page()

    assert page.all("form") == [] and page.all("details") == []


@pytest.mark.parametrize("block", ["head", "content", "help", "script"])
def test_a_plugin_fills_the_blocks_of_the_page(render, block):
    page = render(
        '{% extends "simple_template.html" %}'
        f"{{% block {block} %}}{{{{ super() }}}}<meter></meter>{{% endblock %}}",
        schema=Schema(),
        help_text="Help.",
    )

    assert len(page.all("meter")) == 1
    assert page.one("link", rel="stylesheet")


def test_the_blocks_of_a_plugin_can_use_the_macros_without_importing_them(render):
    page = render(
        '{% extends "simple_template.html" %}'
        '{% block content %}{{ forms.submit("Go") }}{% endblock %}'
    )

    assert page.one("button").words == "Go"
