"""Writing entity files, and reading them again."""

import csv
import json
from collections import namedtuple
from io import BytesIO, StringIO, TextIOWrapper
from types import SimpleNamespace

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    ArrayEntity,
    DefaultDialect,
    EntityError,
    EntityMimetypeError,
    ensure_dict,
    get_entity_tuple_class,
    load_entities,
    save_entities,
)

LINES = "application/X-lines+json"
Entity = get_entity_tuple_class(["ID", "full name"])


def save(entities, mimetype, *args, **kwargs):
    file = StringIO(newline="")
    save_entities(entities, file, mimetype, *args, **kwargs)
    return file.getvalue()


def load(data, mimetype):
    response = requests.Response()
    response._content = data
    return load_entities(response, mimetype)


def test_csv_quotes_everything_and_ends_lines_with_crlf():
    text = save([{"ID": "1", "n": 5}], "text/csv", attributes=["ID", "n"])
    assert text == '"ID","n"\r\n"1","5"\r\n'


def test_the_default_dialect_is_registered():
    dialect = csv.get_dialect("default")
    assert (dialect.delimiter, dialect.lineterminator) == (",", "\r\n")
    assert dialect.quoting == DefaultDialect.quoting == csv.QUOTE_ALL


def test_csv_without_entities_has_a_header():
    assert save([], "text/csv", attributes=["ID"]) == '"ID"\r\n'


def test_csv_needs_attributes():
    with pytest.raises(EntityError, match="pass attributes="):
        save([{"ID": "1"}], "text/csv")


def test_csv_columns_are_those_asked_for():
    entities = [{"b": 2, "ID": "1", "other": 0}, {"ID": "2", "b": None}, {"ID": "3"}]
    text = save(entities, "text/csv", ["ID", "b"])
    assert text.splitlines()[1:] == ['"1","2"', '"2",""', '"3",""']


@pytest.mark.parametrize(
    "entity",
    [
        Entity("1", "Ada"),
        ("1", "Ada"),
        ["1", "Ada"],
        {"full name": "Ada", "ID": "1"},
        get_entity_tuple_class(["full name", "x", "ID"])("Ada", "y", "1"),
    ],
    ids=["tuple class", "tuple", "list", "dict", "other order"],
)
def test_all_kinds_of_entities_go_into_csv(entity):
    text = save([entity], "text/csv", ["ID", "full name"])
    assert text.splitlines()[1] == '"1","Ada"'


def test_tuples_of_another_length_are_written_as_they_are():
    Point = namedtuple("Point", "x y")
    text = save([(1,), [1, 2, 3], Point(1, 2)], "text/csv", ["ID", "b", "c"])
    assert text.splitlines()[1:] == ['"1"', '"1","2","3"', '"1","2"']


def test_an_entity_tuple_of_another_length_is_named():
    Other = get_entity_tuple_class(["ID", "b", "c"])
    with pytest.raises(EntityError, match="Entity 2 has 3 values, but there are 2"):
        save([(1, 2), Other(1, 2, 3)], "text/csv", ["ID", "x"])


def test_a_value_without_a_name_does_not_get_lost_in_json():
    with pytest.raises(EntityError, match="Entity 1 has 3 values, but there are 2"):
        save([(1, 2, 3)], LINES, ["ID", "b"])


def test_anything_that_makes_a_dictionary_of_itself_is_an_entity():
    entity = SimpleNamespace(_asdict=lambda: {"b": 2, "ID": "1"})
    assert save([entity], "text/csv", ["ID", "b"]).splitlines()[1] == '"1","2"'
    for attributes in (None, ["ID", "b"]):
        assert save([entity], LINES, attributes) == '{"b": 2, "ID": "1"}\n'


@pytest.mark.parametrize("mimetype", ["application/json", LINES])
def test_numbers_that_json_does_not_have_become_null(mimetype):
    nan, inf = float("nan"), float("inf")
    entities = [
        {"ID": "a", "score": nan},
        {"ID": "b", "deep": [{"x": -inf}, (inf, 1.5)], "n": 10**400},
        Entity("c", 1e400),
    ]

    def refuse(name):
        raise AssertionError(name)

    text = save(entities, mimetype)
    assert list(load(text.encode(), mimetype)) == [
        {"ID": "a", "score": None},
        {"ID": "b", "deep": [{"x": None}, [None, 1.5]], "n": 10**400},
        {"ID": "c", "full name": None},
    ]
    for document in [text] if mimetype != LINES else text.splitlines():
        json.loads(document, parse_constant=refuse)


@pytest.mark.parametrize("mimetype", ["application/json", LINES])
def test_tuples_become_json_objects(mimetype):
    Point = namedtuple("Point", "ID x")
    text = save([Entity("1", "Ada"), Point("2", 0), ArrayEntity("3", "", (1,))], mimetype)
    assert list(load(text.encode(), mimetype)) == [
        {"ID": "1", "full name": "Ada"},
        {"ID": "2", "x": 0},
        {"ID": "3", "href": "", "values": [1]},
    ]


def test_plain_tuples_become_json_objects_by_the_attributes():
    text = save([("1", 2)], "application/json", attributes=["ID", "n"])
    assert json.loads(text) == [{"ID": "1", "n": 2}]
    with pytest.raises(EntityError, match="named tuple"):
        save([("1", 2)], "application/json")


def test_a_json_file_without_entities_is_an_empty_list():
    assert json.loads(save([], "application/JSON; charset=utf-8")) == []
    assert save([], LINES) == ""


def test_json_does_not_depend_on_the_encoding_of_the_file():
    file = TextIOWrapper(BytesIO(), encoding="ascii", write_through=True)
    save_entities([{"ID": "ü\ud800"}], file, "application/json")
    assert json.loads(file.buffer.getvalue()) == [{"ID": "ü\ud800"}]


def test_what_is_no_character_becomes_one_in_csv():
    file = TextIOWrapper(BytesIO(), encoding="utf-8", newline="", write_through=True)
    entity = {"ID": "\ud83d", "\udc00": "\U0001f600\udfffx"}
    save_entities([entity], file, "text/csv", list(entity))
    loaded = ensure_dict(load(file.buffer.getvalue(), "text/csv"))
    assert list(loaded) == [{"ID": "\ufffd", "\ufffd": "\U0001f600\ufffdx"}]


def test_a_character_that_the_charset_of_the_file_does_not_have_is_an_error():
    file = TextIOWrapper(BytesIO(), encoding="latin-1")
    with pytest.raises(UnicodeEncodeError):
        save_entities([("\u03a9",)], file, "text/csv", ["ID"])


def test_a_value_that_json_does_not_have_is_named():
    with pytest.raises(EntityError, match="Entity 2 cannot be written as JSON: .*set"):
        save([{"ID": "1"}, {"ID": "2", "x": {1}}], LINES)


def test_a_tuple_class_makes_rows_and_names_columns():
    text = save([{"full name": "Ada", "ID": "1"}], "text/csv", tuple_=Entity)
    assert text == '"ID","full name"\r\n"1","Ada"\r\n'


def test_another_dialect_can_be_named():
    assert save([("1", "a b")], "text/csv", ["ID", "x"], csv_dialect="unix") == (
        '"ID","x"\n"1","a b"\n'
    )


def test_an_unknown_mime_type_is_refused():
    with pytest.raises(EntityMimetypeError, match="image/png"):
        save([], "image/png")


def test_entities_are_written_one_by_one():
    file = StringIO(newline="")

    def entities():
        yield {"ID": "1"}
        assert '"1"' in file.getvalue()
        yield {"ID": "2"}

    for mimetype in ("application/json", LINES, "text/csv"):
        file.seek(0)
        file.truncate()
        save_entities(entities(), file, mimetype, attributes=["ID"])


# lone surrogates are no characters and cannot be encoded
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
tables = st.lists(texts, min_size=1, max_size=4, unique=True).flatmap(
    lambda header: st.tuples(
        st.just(header),
        st.lists(st.tuples(*[texts] * len(header)), max_size=5),
    )
)


@settings(max_examples=50, deadline=None)
@given(tables, st.sampled_from(["text/csv", "application/json", LINES]))
def test_what_is_saved_is_loaded_again(table, mimetype):
    header, rows = table
    Row = get_entity_tuple_class(header)
    text = save([Row(*row) for row in rows], mimetype, attributes=header)
    loaded = load(text.encode(), mimetype)
    assert list(ensure_dict(loaded)) == [dict(zip(header, row)) for row in rows]


# JSON can escape lone surrogates, but two of them next to each other are one character
any_text = st.text(
    st.characters(exclude_categories=["Cs"], include_characters="\ud800\ud83d"),
    max_size=9,
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.dictionaries(any_text, json_values), max_size=5),
    st.sampled_from(["application/json", LINES]),
)
def test_json_keeps_values_and_their_types(entities, mimetype):
    loaded = list(load(save(entities, mimetype).encode(), mimetype))
    assert repr(loaded) == repr(entities)
