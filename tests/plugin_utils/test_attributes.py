"""Attribute metadata and the conversion of values."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhana_plugin_runner.plugin_utils.attributes import (
    CONSIDERED_FALSE,
    CONSIDERED_TRUE,
    DESERIALIZER_MAP,
    SERIALIZER_MAP,
    AttributeMetadata,
    AttributeMetadataError,
    AttributeValueError,
    default_serialize,
    dict_deserializer,
    dict_serializer,
    parse_attribute_metadata,
    parse_bool,
    parse_multi,
    parse_optional_value,
    serialize_multi,
    tuple_deserializer,
    tuple_serializer,
)
from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    get_entity_tuple_class,
)


def describe(attribute_type="string", **options):
    """The metadata of one attribute ``x``."""
    return {"x": AttributeMetadata("x", attribute_type, "X", **options)}


def read(value, attribute_type="string", **options):
    metadata = describe(attribute_type, **options)
    return dict_deserializer(["x"], metadata)({"x": value})["x"]


def write(value, attribute_type="string", **options):
    return dict_serializer(["x"], describe(attribute_type, **options))({"x": value})["x"]


class TestMetadata:
    ENTITY = {
        "ID": "tags",
        "title": "Tags",
        "description": "What it is about.",
        "type": "string",
        "multiple": True,
        "ordered": False,
        "separator": "|",
        "refTarget": "tags.json",
        "schema": "schema.json",
        "unit": "none",
    }

    def test_it_is_read_from_an_entity(self):
        assert AttributeMetadata.from_dict(self.ENTITY) == AttributeMetadata(
            ID="tags",
            attribute_type="string",
            title="Tags",
            description="What it is about.",
            multiple=True,
            ordered=False,
            separator="|",
            ref_target="tags.json",
            schema="schema.json",
            extra={"unit": "none"},
        )

    def test_it_becomes_the_same_entity_again(self):
        assert AttributeMetadata.from_dict(self.ENTITY).to_dict() == self.ENTITY

    def test_what_is_left_empty_gets_a_default(self):
        empty = dict.fromkeys(self.ENTITY, "") | {"ID": "a", "type": "int", "unit": "m"}
        for entity in (empty, {"ID": "a", "type": "int", "unit": "m"}):
            metadata = AttributeMetadata.from_dict(entity)
            assert metadata == AttributeMetadata("a", "int", "a", extra={"unit": "m"})
            assert metadata.separator == ";"

    def test_flags_are_read_from_text(self):
        entity = {"ID": "a", "type": "int", "multiple": " Yes", "ordered": "nil"}
        metadata = AttributeMetadata.from_dict(entity)
        assert (metadata.multiple, metadata.ordered) == (True, False)

    @pytest.mark.parametrize("entity", [{"type": "int"}, {"ID": "a", "type": ""}])
    def test_id_and_type_are_needed(self, entity):
        with pytest.raises(AttributeMetadataError, match="needs an 'ID' and a 'type'"):
            AttributeMetadata.from_dict(entity)

    def test_a_flag_that_makes_no_sense_is_named(self):
        with pytest.raises(
            AttributeMetadataError, match="'a' has an invalid flag: 'maybe'"
        ):
            AttributeMetadata.from_dict({"ID": "a", "type": "int", "ordered": "maybe"})

    def test_many_are_read_from_dictionaries_or_tuples(self):
        Entity = get_entity_tuple_class(["ID", "type", "multiple"])
        metadata = parse_attribute_metadata(
            iter([Entity("a", "int", "1"), {"ID": "b", "type": "bool"}])
        )
        assert list(metadata) == ["a", "b"]
        assert metadata["a"].multiple


class TestBooleans:
    @pytest.mark.parametrize("text", sorted(CONSIDERED_TRUE))
    def test_true_in_any_case_and_trimmed(self, text):
        for spelling in (text, text.upper(), f" {text.title()}\n"):
            assert parse_bool(spelling) is True

    @pytest.mark.parametrize("text", sorted(CONSIDERED_FALSE))
    def test_false_in_any_case_and_trimmed(self, text):
        for spelling in (text, text.upper(), f" {text.title()}\n"):
            assert parse_bool(spelling) is False

    def test_the_words_are_those_of_the_contract(self):
        assert CONSIDERED_TRUE == set("1 true t yes y on".split())
        assert CONSIDERED_FALSE == set("0 false f no n off null nil none".split())

    @pytest.mark.parametrize("text", ["", "2", "maybe", "truee"])
    def test_other_words_are_errors(self, text):
        with pytest.raises(ValueError, match="neither true nor false"):
            parse_bool(text)


@pytest.mark.parametrize(
    "attribute_type, text, value",
    [
        ("string", "", ""),
        ("str", " a ", " a "),
        ("string", 5, 5),
        ("str", ["a", 1.5], ["a", 1.5]),
        ("string", None, None),
        ("integer", " 12 ", 12),
        ("int", "-5", -5),
        ("int", 5.0, 5),
        ("int", 2.5, 2),
        ("integer", -2.5, -2),
        ("int", "\u3000+7\u00a0", 7),
        ("int", 10**400, 10**400),
        ("float", "-INF", float("-inf")),
        ("float", "1e3", 1000.0),
        ("double", "2", 2.0),
        ("number", "-0.5", -0.5),
        ("number", 2, 2.0),
        ("boolean", "Yes", True),
        ("bool", "off", False),
        ("bool", True, True),
        ("shape", "anything", "anything"),
        ("shape", ["any", "thing"], ["any", "thing"]),
    ],
)
def test_values_are_read_by_their_type(attribute_type, text, value):
    result = read(text, attribute_type)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    "attribute_type", "integer int float double number boolean bool".split()
)
@pytest.mark.parametrize("text", ["", " ", None])
def test_an_empty_number_or_boolean_is_none(attribute_type, text):
    assert read(text, attribute_type) is None


@pytest.mark.parametrize(
    "attribute_type, value",
    [("integer", "2.5"), ("float", "x"), ("bool", "2"), ("int", []), ("int", "1e3")]
    + [("integer", "100_1"), ("float", "1_0.5"), ("number", "1e1_0"), ("int", "１２")]
    + [("double", "٣"), ("int", float("inf")), ("int", float("nan")), ("int", "9" * 5000)]
    + [("float", 10**400), ("float", {})],
)
def test_a_value_of_another_type_is_an_error_that_names_the_attribute(
    attribute_type, value
):
    with pytest.raises(AttributeValueError, match=rf"'x' \({attribute_type}\)") as caught:
        read(value, attribute_type)
    assert isinstance(caught.value, ValueError)
    assert caught.value.http_status == 422


class TestMultiple:
    def test_ordered_values_become_a_list(self):
        assert read("2;1;2", "int", multiple=True, ordered=True) == [2, 1, 2]

    def test_others_become_a_set(self):
        assert read("2;1;2", "int", multiple=True) == {1, 2}

    def test_the_separator_is_that_of_the_metadata(self):
        assert read("a;b, c", multiple=True, ordered=True, separator=", ") == ["a;b", "c"]

    def test_empty_text_holds_no_values(self):
        assert read("", multiple=True) == set()
        assert read(None, "int", multiple=True, ordered=True) == []

    def test_an_empty_value_between_others_is_kept(self):
        assert read("1;;3", "int", multiple=True, ordered=True) == [1, None, 3]
        assert read("a;;c", multiple=True, ordered=True) == ["a", "", "c"]

    def test_lists_from_json_are_read_value_by_value(self):
        assert read(["1", 2], "int", multiple=True, ordered=True) == [1, 2]
        assert read(7, "int", multiple=True) == {7}

    def test_values_of_unknown_type_are_split_too(self):
        assert read("a;b", "shape", multiple=True, ordered=True) == ["a", "b"]

    def test_they_are_written_with_the_separator(self):
        assert write([3, None, 1], "int", multiple=True, ordered=True) == "3;;1"
        assert write({"b", "a"}, multiple=True, separator="|") == "a|b"
        assert write(None, multiple=True) == ""

    def test_a_value_with_the_separator_in_it_is_refused(self):
        with pytest.raises(AttributeValueError, match="'a;b' contains the separator"):
            write(["a;b"], multiple=True)

    def test_the_functions_stand_alone(self):
        assert parse_multi("1 2", int, separator=" ", collection=tuple) == (1, 2)
        assert serialize_multi([1, 2], str, separator=", ") == "1, 2"


@pytest.mark.parametrize(
    "value, text", [(None, ""), ("", ""), (5, "5"), (0.1, "0.1"), (True, "True")]
)
def test_values_are_written_as_text(value, text):
    assert default_serialize(value) == text
    assert write(value, "shape") == text


def test_an_optional_value_is_only_read_when_it_is_there():
    assert parse_optional_value("7", int) == 7
    assert parse_optional_value("", int) is None


class TestEntities:
    METADATA = parse_attribute_metadata(
        [
            {"ID": "ID", "type": "string"},
            {"ID": "age", "type": "int"},
            {"ID": "tags", "type": "str", "multiple": "1", "ordered": "1"},
        ]
    )
    TEXTS = {"ID": "1", "age": "36", "tags": "a;b", "note": "5"}
    VALUES = {"ID": "1", "age": 36, "tags": ["a", "b"], "note": "5"}

    def test_dictionaries_are_converted_both_ways(self):
        names = list(self.TEXTS)
        deserialize = dict_deserializer(names, self.METADATA, in_place=False)
        assert deserialize(self.TEXTS) == self.VALUES
        serialize = dict_serializer(names, self.METADATA, in_place=False)
        assert serialize(self.VALUES) == self.TEXTS

    def test_only_the_attributes_asked_for_are_converted(self):
        deserialize = dict_deserializer(iter(["age", "missing"]), self.METADATA)
        assert deserialize(dict(self.TEXTS)) == self.TEXTS | {"age": 36}

    def test_the_dictionary_is_changed_in_place_by_default(self):
        entity = dict(self.TEXTS)
        assert dict_deserializer(["age"], self.METADATA)(entity) is entity
        assert entity["age"] == 36
        assert dict_serializer(["age"], self.METADATA)(entity) is entity
        assert entity["age"] == "36"
        copying = dict_deserializer(["age"], self.METADATA, in_place=False)
        assert copying(entity)["age"] == 36
        assert entity["age"] == "36"

    def test_tuples_are_converted_both_ways(self):
        texts, values = tuple(self.TEXTS.values()), tuple(self.VALUES.values())
        assert tuple_deserializer(self.TEXTS, self.METADATA)(texts) == values
        assert tuple_serializer(self.TEXTS, self.METADATA)(values) == texts

    @pytest.mark.parametrize(
        "make", [lambda c: c, lambda c: c._make, lambda c: c.from_iter]
    )
    def test_tuples_of_a_class_are_made(self, make):
        Entity = get_entity_tuple_class(list(self.TEXTS))
        deserialize = tuple_deserializer(
            Entity.entity_attributes, self.METADATA, tuple_=make(Entity)
        )
        entity = deserialize(Entity(**self.TEXTS))
        assert isinstance(entity, Entity)
        assert entity.as_dict() == self.VALUES

    @pytest.mark.parametrize("make", [tuple_deserializer, tuple_serializer])
    def test_of_tuples_and_attributes_the_shorter_count(self, make):
        assert make(["a", "b"], {})(("1",)) == ("1",)
        assert make(["a"], {})(iter(["1", "2"])) == ("1",)


def test_plugins_may_add_types(monkeypatch):
    monkeypatch.setitem(DESERIALIZER_MAP, "hex", lambda text: int(text, 16))
    monkeypatch.setitem(SERIALIZER_MAP, "hex", hex)
    assert read("ff", "hex") == 255
    assert write(255, "hex") == "0xff"
    assert read("ff;1", "hex", multiple=True) == {255, 1}


def test_plugins_may_replace_what_is_done_to_values_of_no_known_type(monkeypatch):
    monkeypatch.setitem(DESERIALIZER_MAP, "default", str.upper)
    monkeypatch.setitem(SERIALIZER_MAP, "default", str.lower)
    assert read("ab", "shape") == "AB"
    assert write("AB", "shape") == "ab"
    assert read("a;b", "shape", multiple=True) == {"A", "B"}
    assert dict_deserializer(["y"], describe())({"y": "ab"}) == {"y": "AB"}
    assert tuple_serializer(["y", "x"], describe())(("AB", "CD")) == ("ab", "CD")
    assert read("ab", "string") == "ab"


items = {
    "string": st.text(st.characters(exclude_characters=";"), min_size=1),
    "integer": st.integers() | st.none(),
    "float": st.floats() | st.none(),
    "boolean": st.booleans() | st.none(),
}


@settings(max_examples=50, deadline=None)
@given(st.data(), st.sampled_from(sorted(items)), st.booleans(), st.booleans())
def test_what_is_written_is_read_again(data, attribute_type, multiple, ordered):
    values = items[attribute_type]
    if multiple:
        collection = list if ordered else set
        values = st.lists(values, max_size=5).map(collection)
        # one empty value and none at all look the same
        values = values.filter(lambda many: many != collection([None]))
    value = data.draw(values)
    options = {"multiple": multiple, "ordered": ordered}
    text = write(value, attribute_type, **options)
    assert isinstance(text, str)
    result = read(text, attribute_type, **options)
    if multiple and not ordered and any(v != v for v in value):
        assert any(isinstance(v, float) and math.isnan(v) for v in result)
    else:
        assert repr(result) == repr(value) or result == value
