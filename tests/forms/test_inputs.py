"""Which input a field gets."""

import datetime
import enum

import marshmallow as ma
import pytest
from flask_smorest.fields import Upload
from helpers.forms import schema_of

from qhana_plugin_runner.api import EnumField
from qhana_plugin_runner.api.extra_fields import CSVList
from qhana_plugin_runner.api.util import FileUrl, MaBaseSchema, PluginUrl
from qhana_plugin_runner.forms.description import describe_form
from qhana_plugin_runner.forms.jinja_helpers import (
    get_datalist_from_schema,
    get_input_attr_step,
    get_input_type,
    get_validation_attrs,
    space_delimited_list,
)


class Color(enum.Enum):
    red = "warm"
    blue = "cold"


class Inner(MaBaseSchema):
    name = ma.fields.String()


@pytest.mark.parametrize(
    "field, expected",
    [
        (ma.fields.String(), "text"),
        (ma.fields.UUID(), "text"),
        (CSVList(ma.fields.String()), "text"),
        (ma.fields.Email(), "email"),
        (ma.fields.Url(), "url"),
        (FileUrl(), "url"),
        (PluginUrl(), "url"),
        (ma.fields.Boolean(), "checkbox"),
        (ma.fields.Integer(), "number"),
        (ma.fields.Float(), "number"),
        (ma.fields.Decimal(), "number"),
        (ma.fields.TimeDelta(), "number"),
        (ma.fields.Date(), "date"),
        (ma.fields.DateTime(format="%Y-%m-%d"), "date"),
        (ma.fields.NaiveDateTime(format="%Y-%m-%d"), "date"),
        (ma.fields.Time(), "time"),
        (ma.fields.NaiveDateTime(), "datetime-local"),
        (ma.fields.Raw(), "textarea"),
        (ma.fields.Dict(), "textarea"),
        (ma.fields.Nested(Inner), "textarea"),
        (EnumField(Color), "select"),
        (ma.fields.Enum(Color), "select"),
        (Upload(), "file"),
        (ma.fields.List(ma.fields.Integer()), "number"),
        (ma.fields.List(EnumField(Color)), "select"),
    ],
    ids=lambda value: (
        type(value).__name__ if isinstance(value, ma.fields.Field) else value
    ),
)
def test_the_type_of_input_follows_the_field(field, expected):
    assert get_input_type(field) == expected


@pytest.mark.parametrize(
    "field_type", [ma.fields.String, ma.fields.Integer, ma.fields.Boolean]
)
def test_the_type_of_input_in_the_metadata_wins(field_type):
    assert get_input_type(field_type(metadata={"input_type": "hidden"})) == "hidden"


@pytest.mark.parametrize(
    "field",
    [
        ma.fields.Date(format="%d.%m.%Y"),
        ma.fields.AwareDateTime(),
        ma.fields.Url(relative=True),
    ],
)
def test_an_input_that_could_not_send_what_the_field_wants_is_a_text(field):
    assert get_input_type(field) == "text"


@pytest.mark.parametrize(
    "field, expected",
    [
        (ma.fields.Integer(), "1"),
        (ma.fields.Float(), "any"),
        (ma.fields.Decimal(), "any"),
        (ma.fields.Float(metadata={"step": 0.5}), "0.5"),
        (ma.fields.String(), None),
        (ma.fields.List(ma.fields.Integer()), "1"),
    ],
)
def test_numbers_have_a_step(field, expected):
    assert get_input_attr_step(field) == expected


@pytest.mark.parametrize(
    "field, expected",
    [
        (ma.fields.String(), {}),
        (ma.fields.String(required=True), {"required": True}),
        (ma.fields.String(required=True, metadata={"input_type": "hidden"}), {}),
        (ma.fields.Boolean(required=True), {}),
        (EnumField(Color, required=True), {}),
        (
            ma.fields.String(required=True, metadata={"input_type": "checkbox"}),
            {"required": True},
        ),
        (
            ma.fields.Integer(validate=ma.validate.Range(min=1, max=9)),
            {"min": "1", "max": "9", "step": "1"},
        ),
        (
            ma.fields.Integer(
                validate=ma.validate.Range(
                    min=1, max=9, min_inclusive=False, max_inclusive=False
                )
            ),
            {"min": "2", "max": "8", "step": "1"},
        ),
        (
            ma.fields.Integer(validate=ma.validate.Range(min=0.5, max=8.5)),
            {"min": "1", "max": "8", "step": "1"},
        ),
        (
            # 0 is refused by the server alone: HTML cannot say "more than".
            ma.fields.Float(validate=ma.validate.Range(min=0, min_inclusive=False)),
            {"min": "0", "step": "any"},
        ),
        (
            ma.fields.Integer(
                validate=[ma.validate.Range(min=1), ma.validate.Range(min=3, max=5)]
            ),
            {"min": "3", "max": "5", "step": "1"},
        ),
        (
            ma.fields.Date(validate=ma.validate.Range(min=datetime.date(2030, 1, 2))),
            {"min": "2030-01-02"},
        ),
        (
            ma.fields.String(validate=ma.validate.Length(min=2, max=5)),
            {"minlength": 2, "maxlength": 5},
        ),
        (
            ma.fields.String(validate=ma.validate.Length(equal=3)),
            {"minlength": 3, "maxlength": 3},
        ),
        (
            ma.fields.String(
                validate=ma.validate.And(
                    ma.validate.Length(max=5), ma.validate.Regexp("[a-z]+$")
                )
            ),
            {"maxlength": 5, "pattern": "[a-z]+"},
        ),
        (
            ma.fields.String(
                validate=ma.validate.Regexp("[a-z]+$", error="Small letters.")
            ),
            {"pattern": "[a-z]+", "title": "Small letters."},
        ),
        (ma.fields.Raw(validate=ma.validate.Regexp("[a-z]+$")), {}),
        (ma.fields.Boolean(validate=ma.validate.Range(min=1)), {}),
        (
            # The length of a list is no length of a text.
            ma.fields.List(ma.fields.String(), validate=ma.validate.Length(max=2)),
            {},
        ),
        (
            ma.fields.List(ma.fields.Integer(validate=ma.validate.Range(max=2))),
            {"max": "2", "step": "1"},
        ),
    ],
)
def test_validators_become_attributes(field, expected):
    assert get_validation_attrs(field) == expected


def test_attributes_write_themselves_into_a_template(render):
    field = ma.fields.String(
        required=True, validate=ma.validate.Regexp("a$", error='"><script>')
    )
    rendered = render(
        '<input{{ get_validation_attrs(field) }} value="1">', field=field
    ).one("input")

    assert rendered["required"] == ""
    assert rendered["title"] == '"><script>'
    assert rendered["value"] == "1"


def test_suggestions_come_from_the_metadata_or_from_the_choices():
    class Schema(MaBaseSchema):
        listed = ma.fields.String(metadata={"datalist": ["a", "b"]})
        labelled = ma.fields.String(metadata={"datalist": {"a": "First"}})
        chosen = ma.fields.String(validate=ma.validate.OneOf(["x", "y"], labels=["X"]))
        free = ma.fields.String()

        other_name = ma.fields.String()

    schema = Schema()
    schema.datalists = {"other_name": ("m", "n")}

    assert get_datalist_from_schema(schema, "listed") == ["a", "b"]
    assert get_datalist_from_schema(schema, "labelled") == ["a"]
    assert get_datalist_from_schema(schema, "chosen") == ["x", "y"]
    assert get_datalist_from_schema(schema, "other_name") == ["m", "n"]
    assert get_datalist_from_schema(schema, "otherName") == ["m", "n"]
    assert get_datalist_from_schema(schema, "free") is None
    assert get_datalist_from_schema(schema, "missing") is None
    extras = {"free": {"datalist": ["e"]}, "listed": {"datalist": ["f"]}}
    assert get_datalist_from_schema(schema, "free", extras) == ["e"]
    assert get_datalist_from_schema(schema, "listed", extras) == ["f"]


@pytest.mark.parametrize(
    "items, expected",
    [
        (["a", "b", "a", None, ""], "a b"),
        (("a",), "a"),
        ("a b", "a b"),
        (None, None),
        (5, "5"),
        (False, "False"),
        ([], ""),
    ],
)
def test_lists_are_written_with_spaces(items, expected):
    assert space_delimited_list(items) == expected


def test_a_textarea_is_as_tall_as_its_text_within_limits():
    field = ma.fields.String(metadata={"input_type": "textarea"})
    schema = schema_of(text=field)
    for lines, rows in ((0, "5"), (7, "7"), (99, "15")):
        form = describe_form(schema, {"text": "x\n" * lines})
        assert form.fields[0].attributes["rows"] == rows
