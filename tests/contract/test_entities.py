"""Entities in files: what ``plugin_utils.entity_marshalling`` promises plugin authors."""

import csv
import gzip
import json
import math
import threading
import zlib
from collections import namedtuple
from io import StringIO
from itertools import islice

import pytest
from helpers.site import serving
from hypothesis import given
from hypothesis import strategies as st
from requests.exceptions import RequestException
from werkzeug.wrappers import Response

from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    ArrayEntity,
    EntityTupleMixin,
    array_to_entity,
    ensure_array,
    ensure_dict,
    ensure_tuple,
    entity_attribute_sort_key,
    get_entity_tuple_class,
    load_entities,
    save_entities,
)
from qhana_plugin_runner.requests import get_mimetype, open_url

JSON, JSON_LINES, CSV = "application/json", "application/X-lines+json", "text/csv"

TABLE = [{"ID": "1", "name": "Ada"}, {"ID": "2", "name": "Grace"}]
FILES = {
    JSON: '[{"ID": "1", "name": "Ada"}, {"ID": "2", "name": "Grace"}]',
    JSON_LINES: '{"ID": "1", "name": "Ada"}\n{"ID": "2", "name": "Grace"}\n',
    CSV: '"ID","name"\r\n"1","Ada"\r\n"2","Grace"\r\n',
}
each_format = pytest.mark.parametrize("mimetype", FILES, ids=["json", "lines", "csv"])


class TestResponse:
    """A test double as plugins' own tests have it: two methods and nothing else."""

    __test__ = False

    def __init__(self, text):
        self.text = text

    def json(self):
        return json.loads(self.text)

    def iter_lines(self, decode_unicode=False):
        assert decode_unicode
        yield from self.text.splitlines()


def fetch(site, body, content_type=None, **headers):
    """Load entities over HTTP the way plugins do."""
    if content_type is not None:
        headers["Content_Type"] = content_type
    url = site.put("/entities", body, **headers)
    with open_url(url, stream=True) as response:
        return list(load_entities(response, get_mimetype(response)))


def written(entities, mimetype, **kwargs):
    file = StringIO(newline="")
    save_entities(entities, file, mimetype, **kwargs)
    return file.getvalue()


# the formats


def test_json_is_a_list_of_entities(site):
    assert fetch(site, FILES[JSON], JSON) == TABLE


def test_json_may_be_one_object_instead(site):
    assert fetch(site, '{"ID": "1", "name": "Ada"}', JSON) == TABLE[:1]


def test_json_lines_hold_one_object_a_line(site):
    assert fetch(site, FILES[JSON_LINES], JSON_LINES) == TABLE
    assert written(TABLE, JSON_LINES).splitlines() == FILES[JSON_LINES].splitlines()


def test_csv_is_written_with_commas_all_fields_quoted_and_crlf():
    assert written(TABLE, CSV, attributes=["ID", "name"]) == FILES[CSV]


def test_the_csv_dialect_is_known_to_the_csv_module_as_default():
    dialect = csv.get_dialect("default")
    assert (dialect.delimiter, dialect.quoting) == (",", csv.QUOTE_ALL)
    assert dialect.lineterminator == "\r\n"
    assert list(csv.DictReader(FILES[CSV].splitlines(), dialect="default")) == TABLE


# loading


@pytest.mark.parametrize("mimetype", [JSON, JSON_LINES])
def test_entities_from_json_are_dictionaries(site, mimetype):
    assert {type(entity) for entity in fetch(site, FILES[mimetype], mimetype)} == {dict}


def test_entities_from_csv_are_named_tuples(site):
    ada, grace = fetch(site, FILES[CSV], CSV)
    assert (ada.ID, ada.name) == ("1", "Ada")
    assert grace == ("2", "Grace")
    assert grace._fields == ("ID", "name")


@each_format
def test_entities_are_streamed(mimetype):
    """The first entity is there while the server still holds back the end of the file."""
    file = {
        JSON: (b'[{"ID": "a"}', b',{"ID": "b"}', b"]"),
        JSON_LINES: (b'{"ID": "a"}\n', b'{"ID": "b"}\n', b""),
        CSV: (b"ID\r\na\r\n", b"b\r\n", b""),
    }
    first, next_, end = file[mimetype]
    # more than any buffer on the way
    count = 200_000
    first_is_there = threading.Event()
    was_waited_for = []

    def app(environ, start_response):
        def body():
            yield first + next_ * count
            was_waited_for.append(first_is_there.wait(timeout=20))
            yield end

        return Response(body(), mimetype=mimetype)(environ, start_response)

    with serving(app) as url, open_url(url, stream=True) as response:
        entities = ensure_dict(load_entities(response, mimetype))
        assert next(entities) == {"ID": "a"}
        first_is_there.set()
        assert sum(1 for _ in entities) == count
    assert was_waited_for == [True]


def test_a_double_with_json_and_iter_lines_is_all_that_loading_needs():
    for mimetype, text in FILES.items():
        entities = load_entities(file_=TestResponse(text), mimetype=mimetype)
        assert list(ensure_dict(entities)) == TABLE


# tuple classes


def test_attributes_that_are_no_identifiers_are_renamed():
    Entity = get_entity_tuple_class(["ID", "birth date", "class"])
    assert Entity._fields == ("ID", "_1", "_2")


def test_the_original_names_are_kept_in_entity_attributes():
    Entity = get_entity_tuple_class(["ID", "birth date", "class"])
    assert Entity.entity_attributes == ("ID", "birth date", "class")
    assert Entity("ada", "1815", "x").entity_attributes == Entity.entity_attributes


def test_get_takes_the_original_name_and_a_default():
    ada = get_entity_tuple_class(["ID", "birth date"])("ada", "1815")
    assert ada.get("birth date", None) == "1815"
    assert ada.get("href") is None
    assert ada.get("href", "unknown") == "unknown"
    assert ada.get("_1", "no field name") == "no field name"


def test_as_dict_has_the_original_names():
    ada = get_entity_tuple_class(["ID", "birth date"])("ada", "1815")
    assert ada.as_dict() == {"ID": "ada", "birth date": "1815"}


def test_from_dict_takes_values_by_name():
    Entity = get_entity_tuple_class(["ID", "birth date"])
    assert Entity.from_dict(**{"birth date": "1815", "ID": "ada"}) == ("ada", "1815")


def test_from_iter_takes_values_by_position():
    Entity = get_entity_tuple_class(["ID", "birth date"])
    ada = Entity.from_iter(iter(["ada", "1815"]))
    assert isinstance(ada, Entity) and ada == ("ada", "1815")


def test_get_takes_an_index_as_well():
    ada = get_entity_tuple_class(["ID", "birth date"])("ada", "1815")
    assert [ada.get(0), ada.get(1), ada.get(-1)] == ["ada", "1815", "1815"]
    assert ada.get(2) is None
    assert ada.get(-3, "none") == "none"


def test_attributes_and_name_tell_the_class():
    Entity = get_entity_tuple_class(["ID", "birth date"])
    assert get_entity_tuple_class(("ID", "birth date")) is Entity
    assert get_entity_tuple_class(["ID", "birth date"], name="Person") is not Entity
    assert get_entity_tuple_class(["birth date", "ID"]) is not Entity


def test_files_with_the_same_header_have_the_same_class(site):
    (ada, grace), (other,) = (
        fetch(site, FILES[CSV], CSV),
        fetch(site, "ID,name\n3,x", CSV),
    )
    assert type(ada) is type(grace) is type(other)


def test_an_entity_takes_further_attributes():
    Entity = get_entity_tuple_class(["ID"])
    ada, grace = Entity("ada"), Entity("grace")
    ada.note = 1
    assert ada.note == 1 and not hasattr(grace, "note")
    assert ada == ("ada",)


def test_own_subclasses_of_the_mixin_need_entity_attributes_only():
    class Person(EntityTupleMixin, namedtuple("Person", "ID born")):
        entity_attributes = ("ID", "birth date")

    class Scientist(Person):
        pass

    for cls in (Person, Scientist):
        ada = cls("ada", "1815")
        assert (ada.get("birth date"), ada.get(0), ada.get("x", 5)) == ("1815", "ada", 5)
        assert ada.as_dict() == {"ID": "ada", "birth date": "1815"}
        assert cls.from_dict(**ada.as_dict()) == cls.from_iter(ada) == ada
        assert written([ada], CSV, attributes=["birth date", "ID"]).splitlines() == [
            '"birth date","ID"',
            '"1815","ada"',
        ]


def test_from_dict_drops_what_the_class_does_not_have():
    Entity = get_entity_tuple_class(["ID", "name"])
    assert Entity.from_dict(ID="1", name="Ada", born="1815") == ("1", "Ada")
    assert list(ensure_tuple([{"ID": "1", "born": "1815"}], Entity)) == [("1", None)]


def test_columns_that_python_reads_as_one_are_two(site):
    (entity,) = fetch(site, "ID,\u00b5,\u03bc,\ufb01,fi\na,1,2,3,4\n".encode(), CSV)
    assert list(entity) == ["a", "1", "2", "3", "4"]
    assert (entity.get("\u00b5"), entity.get("\u03bc"), entity.fi) == ("1", "2", "3")


# saving


@each_format
def test_saved_entities_are_what_is_loaded_later(site, mimetype):
    body = written(TABLE, mimetype, attributes=["ID", "name"])
    assert list(ensure_dict(fetch(site, body, mimetype))) == TABLE


def test_named_tuples_from_a_csv_file_can_be_saved_in_every_format(site):
    entities = fetch(site, FILES[CSV], CSV)
    for mimetype in FILES:
        body = written(entities, mimetype, attributes=entities[0].entity_attributes)
        assert list(ensure_dict(fetch(site, body, mimetype))) == TABLE


def test_saving_csv_without_attributes_is_an_error_that_names_them():
    with pytest.raises(ValueError, match="attributes="):
        written(TABLE, CSV)


def test_own_tuples_may_have_other_lengths(site):
    body = "ID,x,y\n1\n1,2,3,4\n"
    url = site.put("/entities", body.encode(), Content_Type=CSV)
    with open_url(url, stream=True) as response:
        rows = list(load_entities(response, CSV, tuple_=tuple))
    assert rows == [("1",), ("1", "2", "3", "4")]
    assert written(rows, CSV, attributes=["ID", "x", "y"]).splitlines()[1:] == [
        '"1"',
        '"1","2","3","4"',
    ]


def test_the_header_can_be_processed_by_a_function(site):
    url = site.put("/entities", FILES[CSV].encode())
    with open_url(url) as response:
        entities = load_entities(
            response, CSV, process_csv_header=lambda header: [n.upper() for n in header]
        )
        assert next(entities).as_dict() == {"ID": "1", "NAME": "Ada"}


@pytest.mark.parametrize(
    ("mimetype", "body", "kind"),
    [
        ("image/png", "", ValueError),
        (JSON, '[{"ID": "1"', json.JSONDecodeError),
        (JSON, "{]", json.JSONDecodeError),
        (JSON_LINES, '{"ID": "1"}}', json.JSONDecodeError),
        (CSV, 'ID\n"1', ValueError),
    ],
)
def test_errors_come_at_the_first_iteration(site, mimetype, body, kind):
    url = site.put("/entities", body.encode())
    with open_url(url) as response:
        entities = load_entities(response, mimetype)
        with pytest.raises(kind):
            list(entities)
    with pytest.raises(kind):
        list(load_entities(TestResponse(body), mimetype))


@pytest.mark.parametrize("separator", ["\x1e", "\x85", "\u2028", "\x0c"])
@each_format
def test_lines_end_at_line_feed_and_carriage_return_only(site, mimetype, separator):
    entity = {"ID": "1", "text": f"one{separator}two"}
    body = {
        JSON: json.dumps([entity], ensure_ascii=separator < " "),
        JSON_LINES: json.dumps(entity, ensure_ascii=separator < " ") + "\r\n",
        CSV: f"ID,text\r1,one{separator}two\r",
    }
    assert list(ensure_dict(fetch(site, body[mimetype].encode(), mimetype))) == [entity]


def test_anything_with_asdict_becomes_a_dictionary():
    class Person:
        def _asdict(self):
            return {"ID": "ada"}

    assert list(ensure_dict([Person()])) == [{"ID": "ada"}]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_json_that_is_written_is_json(number):
    for mimetype in (JSON, JSON_LINES):
        text = written([{"ID": "a", "score": number, "x": [number]}], mimetype)
        (entity,) = load_entities(TestResponse(text), mimetype)
        assert entity == {"ID": "a", "score": None, "x": [None]}


# conversions


def test_ensure_dict_makes_dictionaries_of_all_kinds_of_entities():
    Entity = get_entity_tuple_class(["ID", "birth date"])
    mixed = [Entity("ada", "1815"), {"ID": "grace"}]
    assert list(ensure_dict(mixed)) == [
        {"ID": "ada", "birth date": "1815"},
        {"ID": "grace"},
    ]


def test_ensure_tuple_makes_tuples_of_all_kinds_of_entities():
    Entity = get_entity_tuple_class(["ID", "name"])
    mixed = [{"name": "Ada", "ID": "1"}, Entity("2", "Grace")]
    assert list(ensure_tuple(mixed, Entity)) == [("1", "Ada"), ("2", "Grace")]


def test_an_array_entity_has_an_id_a_href_and_values():
    (point,) = ensure_array([{"ID": "a", "href": "/a", "x": 1.5}])
    assert isinstance(point, ArrayEntity)
    assert (point.ID, point.href, point.values) == ("a", "/a", (1.5,))


def test_values_of_an_array_are_a_tuple_and_a_missing_href_is_none():
    Entity = get_entity_tuple_class(["ID", "x"])
    for entity in ({"ID": "a", "x": 1}, Entity("a", 1), ("a", 1)):
        (point,) = ensure_array([entity])
        assert point == ("a", None, (1,))
        assert hash(point) == hash(("a", None, (1,)))
    (point,) = ensure_array([{"ID": "a", "href": "", "x": 1}])
    assert point.href == ""


def test_arrays_take_the_keys_of_dictionaries_in_sorted_order():
    (point,) = ensure_array([{"y": 2, "ID": "a", "x": 1, "href": "", "a": 0}])
    assert point.values == (0, 1, 2)


def test_arrays_take_tuples_by_position_with_the_id_first():
    Entity = get_entity_tuple_class(["ID", "y", "x"])
    assert list(ensure_array([Entity("a", "2", "1")])) == [("a", None, (2, 1))]


def test_arrays_take_the_second_value_of_a_tuple_as_href_if_it_has_one():
    Entity = get_entity_tuple_class(["ID", "href", "y", "x"])
    assert list(ensure_array([Entity("a", "/a", "2", "1")])) == [("a", "/a", (2, 1))]


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("007", 7), ("-5", -5.0), ("1e3", 1000.0), (" 2 ", 2.0), ("1.0", 1.0)],
)
def test_digits_only_become_an_int_and_other_numerals_a_float(text, number):
    (point,) = ensure_array([{"ID": "a", "x": text}], strict=True)
    assert point.values == (number,)
    assert type(point.values[0]) is type(number)


@pytest.mark.parametrize("value", ["", "abc", "1,5", "100_1", None, [1]])
def test_what_is_no_number_becomes_none(value):
    (point,) = ensure_array([{"ID": "a", "x": value, "y": "1"}])
    assert point.values == (None, 1)


@pytest.mark.parametrize("value", ["", "abc", "1,5", "100_1", None, [1]])
def test_what_is_no_number_is_a_value_error_with_strict(value):
    with pytest.raises(ValueError, match="'ada'"):
        list(ensure_array([{"ID": "ada", "x": value}], strict=True))


def test_strict_looks_at_values_and_not_at_names():
    points = ensure_array([{"ID": "a", "x": 1}, {"ID": "b", "y": 2, "z": 3}], strict=True)
    assert [point.values for point in points] == [(1,), (2, 3)]


def test_arrays_become_entity_tuples_with_numbered_dimensions():
    points = [ArrayEntity("a", "/a", (0.5, 7))]
    (entity,) = array_to_entity(points)
    assert isinstance(entity, EntityTupleMixin)
    assert entity.entity_attributes == ("ID", "href", "dim0", "dim1")
    assert entity == ("a", "/a", 0.5, 7)
    assert (entity.ID, entity.dim1, entity.get("dim0")) == ("a", 7, 0.5)
    assert type(entity) is get_entity_tuple_class(entity.entity_attributes)
    assert next(array_to_entity(points, prefix="x_")).x_0 == 0.5
    attributes = entity.entity_attributes
    assert written([entity], CSV, attributes=attributes).splitlines() == [
        '"ID","href","dim0","dim1"',
        '"a","/a","0.5","7"',
    ]


def test_an_own_tuple_gets_one_iterable_of_id_href_and_values():
    points = [ArrayEntity("a", "/a", (0.5, 7))]
    assert list(array_to_entity(points, tuple_=list)) == [["a", "/a", 0.5, 7]]
    assert list(array_to_entity(points, tuple_=tuple)) == [("a", "/a", 0.5, 7)]
    Entity = get_entity_tuple_class(["name", "url", "x", "y"])
    for tuple_ in (Entity, Entity._make, Entity.from_iter):
        (entity,) = array_to_entity(points, tuple_=tuple_)
        assert entity.as_dict() == {"name": "a", "url": "/a", "x": 0.5, "y": 7}


@pytest.mark.parametrize(
    ("dimensions", "first", "last"),
    [
        (1, "dim0", "dim0"),
        (9, "dim0", "dim8"),
        (10, "dim00", "dim09"),
        (99, "dim00", "dim98"),
        (100, "dim000", "dim099"),
    ],
)
def test_dimensions_are_padded_to_the_digits_of_their_count(dimensions, first, last):
    (entity,) = array_to_entity([ArrayEntity("a", "", (0,) * dimensions)])
    assert entity.entity_attributes[2] == first
    assert entity.entity_attributes[-1] == last


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=120).map(tuple)
)
def test_arrays_made_into_entities_and_back_are_the_same(values):
    (entity,) = array_to_entity([ArrayEntity("a", "/a", values)])
    (point,) = ensure_array([entity], strict=True)
    assert point == ("a", "/a", values)
    assert all(map(math.isfinite, point.values))


def test_attributes_sort_ids_first_then_links_then_the_rest_each_by_name():
    in_order = ["GRAPH_ID", "ID", "entities", "href", "relations", "source", "target"]
    in_order += ["Age", "a", "b"]
    assert sorted(reversed(in_order), key=entity_attribute_sort_key) == in_order


# what went wrong in the original


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_newlines_inside_of_quoted_fields_are_kept(site, newline):
    text = f'"ID","text"\r\n"1","one{newline}two{newline}"\r\n"2","x"\r\n'
    first, second = fetch(site, text.encode(), CSV)
    assert first.text == f"one{newline}two{newline}"
    assert second == ("2", "x")


def test_newlines_inside_of_quoted_fields_come_from_doubles_too():
    double = TestResponse('"ID","text"\r\n"1","one\ntwo"\r\n')
    assert list(load_entities(double, CSV)) == [("1", "one\ntwo")]


@each_format
def test_text_is_utf8_when_no_charset_is_declared(site, mimetype):
    body = written([{"ID": "ä", "name": "Ω"}], mimetype, attributes=["ID", "name"])
    (entity,) = ensure_dict(fetch(site, body.encode("utf-8"), mimetype))
    assert entity == {"ID": "ä", "name": "Ω"}
    (entity,) = ensure_dict(fetch(site, "ID,name\nä,Ω\n".encode(), CSV))
    assert entity == {"ID": "ä", "name": "Ω"}


def test_a_declared_charset_counts(site):
    body = "ID,name\n1,Zoë\n".encode("iso-8859-1")
    assert fetch(site, body, "text/csv; charset=iso-8859-1") == [("1", "Zoë")]


@pytest.mark.parametrize(
    ("header", "mimetype"),
    [
        ("text/csv; charset=iso-8859-1", "text/csv"),
        ("text/csv", "text/csv; charset=iso-8859-1"),
    ],
    ids=["by the response", "by the caller"],
)
def test_a_charset_may_be_declared_in_one_place_only(site, header, mimetype):
    body = "ID,name\n1,Zoë\n".encode("iso-8859-1")
    url = site.put("/entities", body, Content_Type=header)
    with open_url(url, stream=True) as response:
        assert list(load_entities(response, mimetype)) == [("1", "Zoë")]


def test_a_byte_that_the_charset_does_not_have_is_an_error_that_names_it(site):
    with pytest.raises(ValueError, match="not utf-8: byte 0xeb"):
        fetch(site, "ID,name\n1,Zoë\n".encode("iso-8859-1"), CSV)


@each_format
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(site, mimetype, encoding):
    body = FILES[mimetype].encode(encoding)
    assert list(ensure_dict(fetch(site, body, mimetype))) == TABLE


@pytest.mark.parametrize(
    ("given", "mimetype"),
    [
        ("text/csv; charset=utf-8", CSV),
        ("text/csv;header=present;charset=UTF-8", CSV),
        ("application/json; charset=utf-8", JSON),
        ('application/x-lines+json;profile="a;b"', JSON_LINES),
        ("Text/CSV", CSV),
    ],
)
def test_mime_types_may_have_parameters(site, given, mimetype):
    assert list(ensure_dict(fetch(site, FILES[mimetype], given))) == TABLE
    assert written(TABLE, given, attributes=["ID", "name"])


@each_format
@pytest.mark.parametrize("body", ["", "\n", "\ufeff"], ids=["none", "blank", "bom"])
def test_an_empty_file_holds_no_entities(site, mimetype, body):
    assert fetch(site, body.encode(), mimetype) == []


@each_format
def test_an_empty_double_holds_no_entities(mimetype):
    assert list(load_entities(TestResponse(""), mimetype)) == []


def test_a_header_alone_holds_no_entities(site):
    assert fetch(site, '"ID","name"\r\n', CSV) == []


# what else comes from strangers


@each_format
@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_compressed_responses_are_read_as_they_were(site, mimetype, encoding, compress):
    body = compress(FILES[mimetype].encode())
    entities = fetch(site, body, mimetype, Content_Encoding=encoding)
    assert list(ensure_dict(entities)) == TABLE


@pytest.mark.parametrize(("row", "found"), [("a,b,c,d", 4), ("a,b", 2)])
def test_a_ragged_row_is_an_error_with_its_number(site, row, found):
    rows = ["ID,x,y"] + ["1,2,3"] * 16 + [row, "1,2,3"]
    with pytest.raises(ValueError, match=f"Row 17 .*{found} values.*3 columns"):
        fetch(site, "\n".join(rows), CSV)


def test_rows_before_a_ragged_one_are_there(site):
    url = site.put("/entities", b"ID,x\n1,2\n3\n")
    with open_url(url, stream=True) as response:
        entities = load_entities(response, CSV)
        assert next(entities) == ("1", "2")
        with pytest.raises(ValueError, match="Row 2 "):
            next(entities)


def test_columns_with_the_same_name_keep_all_values_by_position(site, caplog):
    (entity,) = fetch(site, "ID,x,x\n1,2,3\n", CSV)
    assert "columns with the same name ('x')" in caplog.text
    assert entity == ("1", "2", "3")
    assert entity.get("x") == "2"
    assert entity.as_dict() == {"ID": "1", "x": "3"}


def test_a_field_may_be_huge(site):
    text = "x" * 3_000_000
    (entity,) = fetch(site, f'"ID","text"\r\n"1","{text}"\r\n', CSV)
    assert entity.text == text


@each_format
@pytest.mark.parametrize("count", [1, 5], ids=["in part", "whole"])
def test_a_second_read_of_a_streamed_body_is_an_error_that_says_so(site, mimetype, count):
    url = site.put("/entities", FILES[mimetype].encode(), Content_Type=mimetype)
    with open_url(url, stream=True) as response:
        first = list(islice(load_entities(response, mimetype), count))
        with pytest.raises(RequestException, match="read already.*without stream=True"):
            list(load_entities(response, mimetype))
    assert list(ensure_dict(first)) == TABLE[:count]
    with open_url(url) as response:
        for _again in range(2):
            assert list(ensure_dict(load_entities(response, mimetype))) == TABLE


@each_format
def test_a_file_that_is_cut_off_is_an_error(site, mimetype):
    body = FILES[mimetype].rstrip()[:-3]
    with pytest.raises(ValueError, match="cut off|Unterminated"):
        fetch(site, body, mimetype)
