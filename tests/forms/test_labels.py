"""Labels, descriptions and errors of fields, and what plugins change of them."""

import enum

import marshmallow as ma
import pytest
from flask_smorest.fields import Upload
from helpers.forms import HOSTILE, schema_of

from qhana_plugin_runner.api import EnumField


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

    assert description["id"] == "inputStr-description"
    assert form.one("input")["aria-describedby"] == "inputStr-description"
    assert description.one("em").text == "text"
    assert form.all("script") == []


def test_errors_are_tied_to_the_input_and_listed_before_the_fields(render_fields):
    field = ma.fields.String(metadata={"label": "Text", "description": "A text."})
    form = render_fields(
        schema_of(input_str=field, other=ma.fields.String()),
        errors={
            "inputStr": [HOSTILE],
            "_schema": ["Does not fit."],
            "gone": ["Unknown field."],
        },
    )
    wrong = form.one(id="input_str")

    assert wrong["aria-invalid"] == "true"
    described_by = wrong["aria-describedby"].split()
    assert described_by == ["inputStr-description", "inputStr-error"]
    message = form.one(id="inputStr-error")
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


def test_classes_of_a_plugin_are_added(render_fields):
    form = render_fields(
        schema_of(a=ma.fields.String()),
        form_field_class="one",
        form_label_class="two",
        form_input_class="three",
    )

    assert form.one(class_="qhana-form-field").classes == ["qhana-form-field", "one"]
    assert form.one("label").classes == ["qhana-form-label", "two"]
    assert form.one("input").classes == ["qhana-form-input", "three"]


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
        '{{ forms.field_attr("dir", "") }}></p>',
        title=HOSTILE,
    ).one("p")

    assert shown.attributes == {"title": HOSTILE}
