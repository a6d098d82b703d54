"""The JSON Schema of a form says what the form takes, and nothing that JSON Schema has not."""

import re
from datetime import date
from decimal import Decimal
from enum import Enum

import marshmallow as ma
import pytest
from flask_smorest.fields import Upload
from jsonschema import Draft202012Validator
from marshmallow.validate import And, ContainsOnly, Length, OneOf, Range, Regexp

from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema, PluginUrl
from qhana_plugin_runner.forms.fields import CSVList, EnumField
from qhana_plugin_runner.forms.json_schema import json_schema


class Color(Enum):
    red = "#f00"
    green = "#0f0"


def described(field):
    """Return the schema of a form with one field, checked, and what it says of the field."""
    schema = json_schema(FrontendFormBaseSchema.from_dict({"the_field": field})())
    Draft202012Validator.check_schema(schema)
    assert list(schema["properties"]) == ["theField"]
    return schema["properties"]["theField"]


def string(**words):
    return {"type": "string", **words}


CASES = {
    "label and help": (
        ma.fields.Integer(metadata={"label": "Size", "description": "How *many*."}),
        {"type": "integer", "title": "Size", "description": "How *many*."},
    ),
    "inclusive limits": (
        ma.fields.Integer(validate=Range(1, 100), load_default=3),
        {"type": "integer", "minimum": 1, "maximum": 100, "default": 3},
    ),
    "exclusive limits": (
        ma.fields.Float(validate=Range(0, 1, min_inclusive=False, max_inclusive=False)),
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    ),
    "limits inside of And": (
        ma.fields.String(validate=And(Length(2, 9), OneOf(["ab", "cd"]))),
        string(minLength=2, maxLength=9, enum=["ab", "cd"]),
    ),
    "decimals": (
        ma.fields.Decimal(validate=Range(Decimal("0.5"), min_inclusive=False)),
        {"type": "number", "exclusiveMinimum": 0.5},
    ),
    "a choice": (EnumField(Color, required=True), string(enum=["red", "green"])),
    "a choice that may be left open": (
        EnumField(Color, load_default=Color.red),
        {"type": ["string", "null"], "enum": ["red", "green", None], "default": "red"},
    ),
    "a choice with a blank": (
        EnumField(Color, required=True, metadata={"options": {"": "-"}}),
        string(enum=["red", "green", ""]),
    ),
    "a plain enum by value": (
        ma.fields.Enum(Color, by_value=True, load_default=Color.red),
        {"enum": ["#f00", "#0f0"], "default": "#f00"},
    ),
    "suggestions": (
        ma.fields.String(metadata={"options": {"a": "A"}}),
        string(examples=["a"]),
    ),
    "a list with choices": (
        ma.fields.List(
            ma.fields.String(), validate=ContainsOnly(["a", "b"]), load_default=["a"]
        ),
        {"type": "array", "items": string(enum=["a", "b"]), "default": ["a"]},
    ),
    "a list in one text": (
        CSVList(ma.fields.Integer(), validate=[Length(max=3), ContainsOnly([1, 2])]),
        string(),
    ),
    "data": (
        FileUrl(
            required=True,
            data_input_type="entity/list",
            data_content_types=["text/csv", "application/json"],
        ),
        string(
            format="uri",
            dataInput={
                "dataType": "entity/list",
                "contentType": ["text/csv", "application/json"],
            },
        ),
    ),
    "any data": (
        FileUrl(load_default=None),
        {
            "type": ["string", "null"],
            "format": "uri",
            "dataInput": {"dataType": "*", "contentType": []},
        },
    ),
    "a plugin": (
        PluginUrl(required=True, plugin_tags=["a", "!b"], plugin_version=">=1"),
        string(format="uri", pluginDependency={"tags": ["a", "!b"], "version": ">=1"}),
    ),
    "a relative URL": (
        ma.fields.Url(relative=True),
        string(format="uri-reference"),
    ),
    "a file": (
        Upload(required=True, metadata={"data_content_types": "text/csv"}),
        string(format="binary", contentMediaType="text/csv"),
    ),
    "a password": (
        ma.fields.String(load_default="s3cret", metadata={"input_type": "password"}),
        string(writeOnly=True),
    ),
    "a private value": (
        ma.fields.Integer(
            load_default=42, metadata={"private": True, "example": 42, "enum": [42]}
        ),
        {"type": "integer", "writeOnly": True},
    ),
    "a date": (
        ma.fields.Date(load_default=date(2024, 2, 29)),
        string(format="date", default="2024-02-29"),
    ),
    "a default that its field cannot write": (
        ma.fields.Integer(load_default="many"),
        {"type": "integer"},
    ),
    "words of metadata that are no JSON Schema": (
        ma.fields.String(
            metadata={
                "required": True,
                "type": "entity",
                "items": "x",
                "format": None,
                "maximum": "much",
                "enum": [],
            }
        ),
        string(),
    ),
    "no type at all": (ma.fields.Raw(metadata={"type": []}), {}),
}


@pytest.mark.parametrize(("field", "expected"), CASES.values(), ids=CASES)
def test_field_is_described(field, expected):
    assert described(field) == expected


@pytest.mark.parametrize(
    ("expression", "pattern"),
    [
        (r"^[a-z./-]+\.txt$", r"^[a-z./-]+\.txt$"),
        (r"\A[0-9]{4}\Z", "^[0-9]{4}$"),
        ("[a-z]+", None),  # the begin of a text is enough
        (r"^\w+$", None),  # not the same in JavaScript
        (r"^(a+)+$", None),
        ("^" + "a?" * 30 + "a" * 30 + "$", None),
        ("^a*a*a*a*a*b$", None),
        ("^a{9999999}$", None),
    ],
)
@pytest.mark.parametrize("place", ["validator", "metadata"])
def test_pattern_means_the_same_everywhere_and_costs_nobody_time(
    expression, pattern, place
):
    field = (
        ma.fields.String(validate=Regexp(expression))
        if place == "validator"
        else ma.fields.String(metadata={"pattern": expression})
    )
    found = described(field).get("pattern")
    if pattern is None or place == "validator":
        assert found == pattern
    else:
        assert re.compile(found).pattern == expression


class Tree(FrontendFormBaseSchema):
    """Nests itself, and each branch nests another variant of it."""

    name = ma.fields.String(required=True)
    children = ma.fields.List(ma.fields.Nested(lambda: Tree()))
    parent = ma.fields.Nested(lambda: Tree(only=("name",)), dump_only=True)


def test_schema_that_nests_itself_ends():
    schema = json_schema(Tree())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    validator.validate({"name": "a", "children": [{"name": "b", "children": []}]})
    wrong = {"name": "a", "children": [{"name": "b", "children": [{"name": 1}]}]}
    (error,) = validator.iter_errors(wrong)
    assert list(error.absolute_path) == ["children", 0, "children", 0, "name"]
    assert "parent" not in schema["properties"], "forms do not send it"


def growing(level=0):
    """Return the class of a schema that nests two new ones without an end."""
    nested = {
        name: ma.fields.Nested(lambda: growing(level + 1)()) for name in ("left", "right")
    }
    return ma.Schema.from_dict(nested, name=f"Level{level}")


def test_schema_that_never_ends_is_refused():
    with pytest.raises((RecursionError, ValueError)):
        json_schema(growing()())


def test_form_and_files_are_one_object():
    class Form(FrontendFormBaseSchema):
        data_type = ma.fields.String(required=True)

    class Files(FrontendFormBaseSchema):
        the_file = Upload(required=True)

    schema = json_schema(Form(), Files())
    assert schema["properties"].keys() == {"dataType", "theFile"}
    assert sorted(schema["required"]) == ["dataType", "theFile"]
    assert schema["additionalProperties"] is False
    assert "additionalProperties" not in json_schema(Form(unknown=ma.EXCLUDE), Files())
