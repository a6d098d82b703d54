"""Labels, descriptions and errors of fields, and what plugins change of them."""

import enum

import marshmallow as ma
import pytest
from flask_smorest.fields import Upload
from helpers.forms import HOSTILE, schema_of

from qhana_plugin_runner.api import EnumField
from qhana_plugin_runner.api.util import FileUrl, PluginUrl


class Color(enum.Enum):
    red = "warm"


def test_each_input_has_its_label(render_fields):
    form = render_fields(
        schema_of(
            text=ma.fields.String(metadata={"label": HOSTILE}),
            some_flag=ma.fields.Boolean(),
            choice=EnumField(Color),
            notes=ma.fields.Raw(),
            file=Upload(),
        )
    )
    labels = {each["for"]: each.words for each in form.all("label", "qhana-form-label")}

    assert set(labels) == {each["id"] for each in form.all(class_="qhana-form-input")}
    assert labels["text"] == HOSTILE
    assert labels["some_flag"] == "Some flag"


def test_descriptions_are_markdown_and_tied_to_the_input(render_fields):
    field = ma.fields.String(
        metadata={"description": "Some *text*.<script>bad()</script>"}
    )
    form = render_fields(schema_of(input_str=field))
    description = form.one(class_="qhana-input-description")

    assert description["id"] == "input_str-description"
    assert form.one("input")["aria-describedby"] == "input_str-description"
    assert description.one("em").text == "text"
    assert form.all("script") == []


@pytest.mark.parametrize(
    "field, errors, expected",
    [
        (ma.fields.String(metadata={"description": "A text."}), [], ["p"]),
        (ma.fields.String(), [], []),
        (ma.fields.String(), ["Bad."], ["qhana-error-message"]),
        (
            FileUrl(metadata={"description": "A file."}),
            ["Bad."],
            ["qhana-error-message", "selected-file-hint", "p"],
        ),
        (
            PluginUrl(metadata={"description": "A plugin."}),
            [],
            ["selected-plugin-hint", "p"],
        ),
        (
            ma.fields.Integer(metadata={"description": "A.", "input_type": "hidden"}),
            [],
            ["p"],
        ),
    ],
)
def test_scripts_find_the_parts_of_a_description_by_their_order(
    render_fields, field, errors, expected
):
    form = render_fields(schema_of(a=field), errors={"a": errors})
    space, *parts = form.one(class_="qhana-input-description").children

    assert space.isspace()
    found = [each for each in parts if not isinstance(each, str)]
    assert parts[: len(found)] == found, "there is white space between them"
    assert [(each.classes or [each.tag])[0] for each in found] == expected


def test_errors_are_tied_to_the_input_and_listed_before_the_fields(render_fields):
    field = ma.fields.String(metadata={"label": "Text", "description": "A text."})
    form = render_fields(
        schema_of(input_str=field, other=ma.fields.String()),
        errors={
            "inputStr": [HOSTILE],
            "_schema": ["Does not fit."],
            "gone": ["Unknown field."],
        },
        path="/?inputStr=",
    )
    wrong = form.one(id="input_str")

    assert wrong["aria-invalid"] == "true"
    described_by = form.one(id=wrong["aria-describedby"])
    message = described_by.one(id="input_str-error")
    assert "qhana-error-message" in message.classes
    assert message.words == HOSTILE
    assert "aria-invalid" not in form.one(id="other")

    summary = form.one(class_="qhana-error-summary")
    assert summary["role"] == "alert"
    assert summary.one("a")["href"] == "#input_str"
    assert [each.words for each in summary.all("li")] == [
        "Does not fit.",
        "gone: Unknown field.",
        f"Text: {HOSTILE}",
    ]


@pytest.mark.parametrize(
    "path, method, is_shown",
    [("/", "GET", False), ("/?inputStr=a", "GET", True), ("/", "POST", True)],
)
def test_what_belongs_to_no_field_is_no_error_of_a_first_visit(
    render_fields, path, method, is_shown
):
    errors = {
        "input_str": ["By its Python name."],
        "_schema": ["Does not fit."],
        "other": ["By its data key."],
    }
    schema = schema_of(input_str=ma.fields.String(), other=ma.fields.String())
    form = render_fields(schema, errors=errors, path=path, method=method)

    summary = form.one(class_="qhana-error-summary").words
    assert ("Python name" in summary) is ("fit" in summary) is is_shown
    assert form.one(id="other-error").words == "By its data key."


def test_errors_of_the_elements_of_a_list_say_which(render_fields):
    schema = schema_of(numbers=ma.fields.List(ma.fields.Integer()))
    errors = schema.validate({"numbers": ["1", "x"]})

    form = render_fields(schema, errors=errors)

    assert form.one(class_="qhana-error-message").words == "2: Not a valid integer."


def test_required_fields_are_marked_for_everybody(render_fields):
    form = render_fields(
        schema_of(a=ma.fields.String(required=True), b=ma.fields.String())
    )

    assert "required" in form.one(id="a")
    assert "required" not in form.one(id="b")
    assert form.one(class_="qhana-required")["aria-hidden"] == "true"
    assert form.all(class_="qhana-required-note")


def test_extras_are_laid_over_the_metadata(render_fields):
    field = ma.fields.String(metadata={"label": "Old", "description": "Kept."})
    extras = {"back_end": {"label": "New", "input_type": "select", "options": {"x": "X"}}}

    form = render_fields(schema_of(back_end=field), extras=extras)

    assert form.one("label").words == "New"
    assert form.one("option")["value"] == "x"
    assert form.one(class_="qhana-input-description").words == "Kept."


def test_classes_of_a_plugin_replace_those_of_the_runner(render_fields):
    form = render_fields(
        schema_of(a=ma.fields.String()),
        form_field_class="one",
        form_label_class="two",
        form_input_class="three",
    )

    (field,) = [each for each in form.children if getattr(each, "tag", "") == "div"]
    assert field.classes == ["one"]
    assert form.one("label").classes == ["two"]
    assert form.one("input").classes == ["three"]


@pytest.mark.parametrize("nothing", [None, {}])
def test_arguments_may_be_empty(render_fields, nothing):
    form = render_fields(
        schema_of(a=ma.fields.String()), values=nothing, errors=nothing, extras=nothing
    )

    assert form.one("input")["value"] == ""


def test_arguments_may_be_undefined(render):
    form = render(
        '{% import "forms.html" as forms %}'
        "{{ forms.render_fields(schema, values=v, errors=e, extras=x) }}"
        "{{ forms.render_fields(missing) }}",
        schema=schema_of(a=ma.fields.String()),
    )

    assert form.one("input")["value"] == ""


def test_helpers_for_attributes_write_what_is_there(render):
    shown = render(
        '{% import "forms.html" as forms %}'
        '<p{{ forms.field_attr("title", title) }}{{ forms.field_attr("lang", missing) }}'
        '{{ forms.field_attr("dir", "") }}{{ forms.field_value("text", value) }}'
        '{{ forms.field_value("checkbox", value) }}'
        '{{ forms.field_value("checkbox", missing) }}></p>',
        title=HOSTILE,
        value="a",
    ).one("p")

    assert shown.attributes == {"title": HOSTILE, "dir": "", "value": "a", "checked": ""}
