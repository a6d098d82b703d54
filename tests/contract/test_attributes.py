"""Descriptions of attributes: what ``plugin_utils.attributes`` promises plugin authors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhana_plugin_runner.plugin_utils.attributes import (
    CONSIDERED_FALSE,
    CONSIDERED_TRUE,
    DESERIALIZER_MAP,
    SERIALIZER_MAP,
    AttributeMetadata,
    dict_deserializer,
    dict_serializer,
    parse_attribute_metadata,
    parse_bool,
    tuple_deserializer,
    tuple_serializer,
)
from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    ensure_dict,
    get_entity_tuple_class,
    load_entities,
)
from qhana_plugin_runner.requests import get_mimetype, open_url

ENTITY = {
    "ID": "genre",
    "title": "Genre",
    "description": "What kind of film it is.",
    "type": "string",
    "multiple": True,
    "ordered": False,
    "separator": "|",
    "refTarget": "genres.json",
    "schema": "http://localhost/schema.json",
}
METADATA = AttributeMetadata(
    ID="genre",
    attribute_type="string",
    title="Genre",
    description="What kind of film it is.",
    multiple=True,
    ordered=False,
    separator="|",
    ref_target="genres.json",
    schema="http://localhost/schema.json",
)


def read(value, **metadata):
    """Read one value as a plugin does it, from its attribute's description."""
    attributes = parse_attribute_metadata([{"ID": "x", "title": "", **metadata}])
    return dict_deserializer(["x"], attributes)({"ID": "1", "x": value})["x"]


def write(value, **metadata):
    attributes = parse_attribute_metadata([{"ID": "x", "title": "", **metadata}])
    return dict_serializer(["x"], attributes)({"ID": "1", "x": value})["x"]


# metadata


def test_a_metadata_entity_becomes_attribute_metadata():
    assert AttributeMetadata.from_dict(ENTITY) == METADATA
    assert parse_attribute_metadata([ENTITY]) == {"genre": METADATA}


def test_attribute_metadata_becomes_a_metadata_entity():
    assert METADATA.to_dict() == ENTITY


def test_attribute_metadata_travels_as_an_entity_file():
    url = "data:text/csv,ID,title,type,multiple,ordered%0Aage,Age,integer,no,"
    with open_url(url, stream=True) as response:
        entities = load_entities(response, get_mimetype(response))
        attributes = parse_attribute_metadata(ensure_dict(entities))
    assert attributes == {"age": AttributeMetadata("age", "integer", "Age")}


def test_other_keys_of_the_entity_go_to_extra():
    metadata = AttributeMetadata.from_dict({**ENTITY, "unit": "none", "rank": 3})
    assert metadata.extra == {"unit": "none", "rank": 3}
    assert metadata.to_dict() == {**ENTITY, "unit": "none", "rank": 3}


@pytest.mark.parametrize("text", ["1", "true", "t", "yes", "y", "on"])
def test_these_texts_are_true_in_any_case_and_trimmed(text):
    assert text in CONSIDERED_TRUE
    for written in (text, text.upper(), text.title(), f"  {text}\t"):
        assert parse_bool(written) is True
        assert read(written, type="boolean") is True
        assert AttributeMetadata.from_dict({**ENTITY, "ordered": written}).ordered is True


@pytest.mark.parametrize(
    "text", ["0", "false", "f", "no", "n", "off", "null", "nil", "none"]
)
def test_these_texts_are_false_in_any_case_and_trimmed(text):
    assert text in CONSIDERED_FALSE
    for written in (text, text.upper(), text.title(), f"  {text}\t"):
        assert parse_bool(written) is False
        assert read(written, type="boolean") is False
        entity = {**ENTITY, "multiple": written}
        assert AttributeMetadata.from_dict(entity).multiple is False


@pytest.mark.parametrize("text", ["maybe", "2", "-1", "tru"])
def test_any_other_text_is_no_boolean(text):
    with pytest.raises(ValueError, match="neither true nor false"):
        parse_bool(text)


# multiple values


def test_multiple_values_are_split_by_the_separator():
    assert read("a|b;c", type="string", multiple=True, ordered=True, separator="|") == [
        "a",
        "b;c",
    ]


def test_the_separator_is_a_semicolon_by_default():
    assert AttributeMetadata("x", "string", "X").separator == ";"
    assert read("1;2", type="int", multiple=True, ordered=True) == [1, 2]


def test_ordered_values_are_a_list():
    assert read("b;a;b", type="string", multiple="yes", ordered="yes") == ["b", "a", "b"]


def test_values_without_an_order_are_a_set():
    assert read("b;a;b", type="string", multiple="yes", ordered="no") == {"a", "b"}


@given(st.lists(st.integers()))
def test_multiple_values_are_written_as_they_are_read(values):
    options = {"type": "integer", "multiple": True, "ordered": True}
    assert read(write(values, **options), **options) == values


# types


@pytest.mark.parametrize("name", ["string", "str"])
def test_strings_stay_text(name):
    assert read("007", type=name) == "007"


@pytest.mark.parametrize("name", ["integer", "int"])
def test_integers_are_ints(name):
    value = read("-7", type=name)
    assert (value, type(value)) == (-7, int)


@pytest.mark.parametrize("name", ["float", "double", "number"])
def test_floats_are_floats(name):
    value = read("-1e3", type=name)
    assert (value, type(value)) == (-1000.0, float)


@pytest.mark.parametrize("name", ["boolean", "bool"])
def test_booleans_are_bools(name):
    assert read("y", type=name) is True


@pytest.mark.parametrize("name", ["integer", "int", "float", "double", "number"])
def test_an_empty_number_is_none(name):
    assert read("", type=name) is None


@pytest.mark.parametrize("name", ["string", "str"])
def test_an_empty_string_stays_an_empty_string(name):
    assert read("", type=name) == ""


@pytest.mark.parametrize("name", ["boolean", "bool"])
def test_an_empty_boolean_is_none(name):
    """The original raised a ValueError here."""
    assert read("", type=name) is None


@pytest.mark.parametrize("text", ["many", "2.5", "1_000"])
def test_a_value_of_the_wrong_type_is_an_error_that_names_the_attribute(text):
    with pytest.raises(ValueError, match=rf"'x' \(integer\).*'{text}'"):
        read(text, type="integer")


def test_the_number_2_5_is_cut_to_an_integer():
    assert read(2.5, type="integer") == read(2.5, type="int") == 2


@pytest.mark.parametrize("value", [5, 2.5, True, ["a"], None])
def test_values_of_type_string_pass_unchanged(value):
    assert read(value, type="string") is read(value, type="str") is value


def test_the_title_is_the_id_by_default():
    for entity in ({"ID": "x", "type": "int"}, {"ID": "x", "type": "int", "title": ""}):
        assert AttributeMetadata.from_dict(entity).title == "x"


def test_dictionaries_are_changed_in_place_by_default():
    attributes = parse_attribute_metadata([{"ID": "x", "type": "int"}])
    entity = {"x": "7"}
    assert dict_deserializer(["x"], attributes)(entity) is entity
    assert entity == {"x": 7}
    assert dict_serializer(["x"], attributes)(entity) is entity
    assert entity == {"x": "7"}
    assert dict_deserializer(["x"], attributes, in_place=False)(entity) == {"x": 7}
    assert entity == {"x": "7"}


@pytest.mark.parametrize("value", ["abc", "", 7, None, ["a"]])
def test_values_of_unknown_types_pass_through(value):
    assert read(value, type="ref") is value


def test_attributes_without_metadata_pass_through():
    entity = {"ID": "1", "x": "7", "y": "7"}
    attributes = parse_attribute_metadata([{"ID": "x", "type": "int", "title": ""}])
    assert dict_deserializer(["x", "y"], attributes)(entity) == {
        "ID": "1",
        "x": 7,
        "y": "7",
    }


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("int", 7, "7"), ("string", "", ""), ("float", None, ""), ("ref", "a b", "a b")],
)
def test_values_are_written_as_the_text_that_reads_as_them(name, value, text):
    assert write(value, type=name) == text


def test_tuples_are_read_and_written_by_position():
    attributes = parse_attribute_metadata(
        [{"ID": "age", "type": "int", "title": ""}, ENTITY]
    )
    names = ["ID", "age", "genre"]
    Entity = get_entity_tuple_class(names)
    deserialize = tuple_deserializer(names, attributes, tuple_=Entity._make)
    film = deserialize(Entity("1", "36", "b|a"))
    assert isinstance(film, Entity) and film == ("1", 36, {"a", "b"})
    serialize = tuple_serializer(names, attributes, tuple_=Entity._make)
    assert serialize(film) == Entity("1", "36", "a|b")


def test_of_a_tuple_and_the_attributes_the_shorter_counts():
    attributes = parse_attribute_metadata([{"ID": "age", "type": "int"}])
    deserialize = tuple_deserializer(["ID", "age"], attributes)
    assert deserialize(("1", "36", "more")) == deserialize(iter(["1", "36"])) == ("1", 36)
    assert tuple_serializer(["ID", "age"], attributes)(["1"]) == ("1",)


# extending


def test_both_maps_have_a_default_that_plugins_may_replace(monkeypatch):
    assert DESERIALIZER_MAP["default"](5) == 5
    assert SERIALIZER_MAP["default"](5) == "5"
    monkeypatch.setitem(DESERIALIZER_MAP, "default", str.upper)
    monkeypatch.setitem(SERIALIZER_MAP, "default", str.lower)
    assert read("ab", type="shape") == "AB"
    assert write("AB", type="shape") == "ab"
    assert dict_deserializer(["y"], {})({"y": "ab"}) == {"y": "AB"}
    assert dict_serializer(["y"], {})({"y": "AB"}) == {"y": "ab"}


def test_plugins_may_add_a_type_to_the_deserializer_map(monkeypatch):
    monkeypatch.setitem(DESERIALIZER_MAP, "complex", complex)
    assert read("1+2j", type="complex") == 1 + 2j
    assert read("1;2j", type="complex", multiple=True, ordered=True) == [1, 2j]


def test_plugins_may_add_a_type_to_the_serializer_map(monkeypatch):
    monkeypatch.setitem(SERIALIZER_MAP, "complex", lambda value: f"{value.real:.0f}")
    assert write(1 + 2j, type="complex") == "1"
