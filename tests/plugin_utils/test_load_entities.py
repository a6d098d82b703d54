"""Reading entity files that come from a web server, a file, or a plugin's test double."""

import gzip
import json
import zlib
from collections import namedtuple

import pytest
import requests

from qhana_plugin_runner.errors import RunnerError
from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    EntityEncodingError,
    EntityError,
    EntityJsonError,
    EntityMimetypeError,
    EntityRowError,
    EntitySyntaxError,
    ensure_dict,
    get_entity_tuple_class,
    load_entities,
)
from qhana_plugin_runner.requests import get_mimetype, open_url

LINES = "application/X-lines+json"


class Double:
    """What plugins' own tests pass instead of a response."""

    def __init__(self, text):
        self.text = text

    def json(self):
        return json.loads(self.text)

    def iter_lines(self, decode_unicode=False):
        assert decode_unicode
        yield from self.text.splitlines()


@pytest.fixture(params=["streamed", "fetched", "double"])
def load(request, tmp_path):
    """Load the entities of some text in each of the ways that plugins use."""

    def load(text, mimetype, **options):
        if request.param == "double":
            return list(load_entities(Double(text), mimetype, **options))
        file = tmp_path / "entities"
        file.write_text(text, encoding="utf-8", newline="")
        with open_url(file.as_uri(), stream=request.param == "streamed") as response:
            return list(load_entities(response, mimetype, **options))

    return load


def fetch(site, body, mimetype, load_as=None, **headers):
    if mimetype:
        headers["Content_Type"] = mimetype
    with open_url(site.put("/entities", body, **headers), stream=True) as response:
        return list(load_entities(response, load_as or get_mimetype(response)))


class TestJson:
    def test_a_list_gives_its_objects(self, load):
        assert load(
            '[{"ID": "1"}, {"ID": "2", "n": [1, 2.5, null]}]', "application/json"
        ) == [
            {"ID": "1"},
            {"ID": "2", "n": [1, 2.5, None]},
        ]

    def test_one_object_is_one_entity(self, load):
        assert load(' {"ID": "1"}\n', "application/json") == [{"ID": "1"}]

    @pytest.mark.parametrize("text", ["", " \n", "[]", " [ ] "])
    def test_an_empty_file_holds_no_entities(self, load, text):
        assert load(text, "application/json") == []

    def test_numbers_are_those_of_the_json_module(self, load):
        text = (
            '[{"a": 12345678901234567890123, "b": 1e3, "c": -0.0, "d": 1, "e": Infinity}]'
        )
        loaded = load(text, "application/json")
        assert repr(loaded) == repr(json.loads(text))

    @pytest.mark.parametrize("text", ["1", '"text"', "null"])
    def test_anything_else_is_an_error(self, load, text):
        with pytest.raises(EntitySyntaxError, match="list of objects or one object"):
            load(text, "application/json")

    @pytest.mark.parametrize(
        "text", ['[{"ID": "1"}', '[{"ID": "1"}, {"ID', "[", '{"ID":']
    )
    def test_a_file_that_is_cut_off_is_an_error(self, load, text):
        with pytest.raises(EntityJsonError) as caught:
            load(text, "application/json")
        assert isinstance(caught.value, EntitySyntaxError)
        assert isinstance(caught.value, json.JSONDecodeError)

    def test_values_that_go_too_deep_are_named(self, load):
        text = '{"ID": ' + "[" * 100_000 + "]" * 100_000 + "}"
        for mimetype in ("application/json", LINES):
            with pytest.raises(ValueError, match="go too deep"):
                load(text, mimetype)


class TestJsonLines:
    def test_each_line_is_an_entity(self, load):
        assert load('{"ID": "1"}\n\r\n{"ID": "2"}', LINES) == [{"ID": "1"}, {"ID": "2"}]

    @pytest.mark.parametrize("text", ["", "\n\n"])
    def test_an_empty_file_holds_no_entities(self, load, text):
        assert load(text, LINES) == []

    def test_a_broken_line_is_named(self, load):
        entities = '{"ID": "1"}\n\n{"ID": "2"'
        with pytest.raises(json.JSONDecodeError, match="Line 3 is not a JSON") as caught:
            load(entities, LINES)
        assert caught.value.doc == '{"ID": "2"'
        assert caught.value.pos == 10

    @pytest.mark.parametrize(
        "value",
        ["NaN", "-Infinity", "1e400", "-0", "-0.0", "1" + 30 * "0", "5e-324"]
        + ["9007199254740993", "0.30000000000000004", r'"\ud800"', r'"\ud83d\ude00"'],
    )
    def test_values_are_those_of_the_standard_library(self, load, value):
        line = '{"ID": "1", "a": 0, "a": ' + value + "}"
        (entity,) = load(line, LINES)
        assert repr(entity) == repr(json.loads(line))

    @pytest.mark.parametrize("text", ["\u2028", "\x1e{}", "\x85"])
    def test_other_separators_are_no_blank_lines(self, site, text):
        with pytest.raises(EntityJsonError, match="Line 1 "):
            fetch(site, (text + "\n").encode(), LINES)


class TestCsv:
    def test_rows_are_named_tuples(self, load):
        (entity,) = load(
            '"ID","birth date","class"\r\n"1","1815-12-10","x"\r\n', "text/csv"
        )
        assert entity == ("1", "1815-12-10", "x")
        assert entity.ID == "1"
        assert entity.entity_attributes == ("ID", "birth date", "class")
        assert entity.get("birth date") == "1815-12-10"
        assert entity.as_dict() == {"ID": "1", "birth date": "1815-12-10", "class": "x"}

    def test_line_breaks_in_quoted_values_are_kept(self, load):
        (entity,) = load('ID,text\n1,"one\n\ntwo"\n', "text/csv")
        assert entity.text == "one\n\ntwo"

    def test_quotes_and_commas_in_values_are_kept(self, load):
        (entity,) = load('ID,text\n1,"say ""hi"", twice"', "text/csv")
        assert entity.text == 'say "hi", twice'

    @pytest.mark.parametrize("text", ["", "\r\n\r\n", '"ID","name"\r\n', "\ufeff"])
    def test_an_empty_file_holds_no_entities(self, load, text):
        assert load(text, "text/csv") == []

    def test_blank_lines_are_skipped(self, load):
        assert load("\nID,n\n\n1,2\n\n", "text/csv") == [("1", "2")]
        assert load("ID,n\n \n1,2\n\t\u00a0\n", "text/csv") == [("1", "2")]
        assert load("ID\n \n", "text/csv") == [(" ",)]

    @pytest.mark.parametrize(
        "row, found", [("1,2,3,4", 4), ("1", 1), ('1,"2\n2",3,4,5', 5)]
    )
    def test_a_ragged_row_is_named_with_its_counts(self, load, row, found):
        text = "ID,a,b\n" + "0,0,0\n" * 16 + row + "\n"
        with pytest.raises(
            EntityRowError, match=f"Row 17 .* {found} values.* 3 col"
        ) as e:
            load(text, "text/csv")
        assert (e.value.row, e.value.expected, e.value.found) == (17, 3, found)
        assert e.value.line == 18 + row.count("\n")

    def test_the_rows_before_a_ragged_one_are_delivered(self):
        entities = load_entities(Double("ID,a\n1,2\n3\n"), "text/csv")
        assert next(entities) == ("1", "2")
        with pytest.raises(EntityRowError):
            next(entities)

    def test_a_quote_that_is_never_closed_is_an_error(self, load):
        with pytest.raises(
            EntitySyntaxError, match="ends after line 3 inside of a quoted"
        ):
            load('ID,a\n1,"text\n2,text\n', "text/csv")

    def test_a_huge_value_is_read(self, load):
        value = "x" * 1_000_000
        assert load(f'ID,text\n1,"{value}"', "text/csv") == [("1", value)]

    def test_columns_of_the_same_name_keep_their_values(self, load):
        (entity,) = load("ID,a,a\n1,2,3\n", "text/csv")
        assert entity == ("1", "2", "3")
        assert entity.get("a") == "2"

    def test_a_byte_order_mark_is_no_part_of_the_header(self, load):
        (entity,) = load("\ufeffID,a\n1,2\n", "text/csv")
        assert entity.ID == "1"

    def test_rows_can_be_made_by_a_class_of_the_plugin(self, load):
        Entity = get_entity_tuple_class(["key", "value"])
        (entity,) = load("ID,a\n1,2\n", "text/csv", tuple_=Entity)
        assert isinstance(entity, Entity)
        assert (entity.key, entity.value) == ("1", "2")

    def test_rows_can_be_made_by_a_function_of_the_plugin(self, load):
        assert load("ID,a\n1,2\n", "text/csv", tuple_=list) == [["1", "2"]]

    def test_a_file_without_header_gives_plain_tuples(self, load):
        rows = load("1,2\n3,4\n5\n", "text/csv", process_csv_header=False)
        assert rows == [("1", "2"), ("3", "4"), ("5",)]

    def test_a_function_may_rename_the_columns(self, load):
        def lower(header):
            return (name.lower() for name in header)

        (entity,) = load("ID,Name\na,b\n", "text/csv", process_csv_header=lower)
        assert entity.as_dict() == {"id": "a", "name": "b"}
        (entity,) = load("ID,Name\na,b\n", "text/csv", process_csv_header=None)
        assert entity.as_dict() == {"ID": "a", "Name": "b"}

    def test_a_function_sees_the_header_of_a_file_without_entities(self, load):
        seen = []
        process = lambda header: seen.append(header) or header  # noqa: E731
        assert load("ID,n\n", "text/csv", process_csv_header=process) == []
        assert load("", "text/csv", process_csv_header=process) == []
        assert seen == [["ID", "n"]]

    def test_rows_of_other_lengths_go_to_a_function_as_they_are(self, load):
        text = "ID,a,b\n1\n1,2,3,4\n"
        assert load(text, "text/csv", tuple_=tuple) == [("1",), ("1", "2", "3", "4")]

    def test_rows_of_other_lengths_go_to_a_class_that_has_defaults(self, load):
        Point = namedtuple("Point", "ID x y", defaults=("0",))
        assert load("ID,x,y\na,1\n", "text/csv", tuple_=Point) == [("a", "1", "0")]
        with pytest.raises(EntityRowError, match="has 1 values.* 3 columns"):
            load("ID,x,y\na\n", "text/csv", tuple_=Point)
        with pytest.raises(EntityRowError, match="has 4 values.* 3 columns"):
            load("ID,x,y\na,1,2,3\n", "text/csv", tuple_=Point)

    def test_a_class_with_other_columns_than_the_file_is_an_error(self, load):
        Entity = get_entity_tuple_class(["ID", "x"])
        with pytest.raises(EntityRowError, match="has 3 values.* 2 columns"):
            load("ID,x,y\na,1,2\n", "text/csv", tuple_=Entity)

    def test_an_error_of_the_function_is_its_own(self, load):
        with pytest.raises(TypeError, match="can only concatenate"):
            load("ID\na\n", "text/csv", tuple_=lambda row: row[0] + 1j - row)

    def test_another_dialect_can_be_named(self, load):
        assert load("ID\ta\n1\t2\n", "text/csv", csv_dialect="excel-tab") == [("1", "2")]


@pytest.mark.parametrize("mimetype", ["image/png", "", None, "text/csv2"])
def test_an_unknown_mime_type_is_refused_when_the_first_entity_is_asked_for(mimetype):
    entities = load_entities(Double(""), mimetype)
    with pytest.raises(EntityMimetypeError, match="'application/X-lines") as caught:
        next(entities)
    assert caught.value.http_status == 422


def test_all_errors_are_value_errors_of_the_runner():
    assert issubclass(EntityError, RunnerError) and issubclass(EntityError, ValueError)


@pytest.mark.parametrize(
    "mimetype, body",
    [
        ("text/csv; charset=utf-8; header=present", b"ID\n1\n"),
        ("TEXT/CSV ;Charset=UTF-8", b"ID\n1\n"),
        ("application/JSON; charset=utf-8", b'[{"ID": "1"}]'),
        ("application/x-lines+json", b'{"ID": "1"}\n'),
    ],
)
def test_mime_types_come_with_parameters_and_in_any_case(site, mimetype, body):
    (entity,) = fetch(site, body, mimetype)
    assert entity.get("ID") == "1"


class TestCharset:
    def test_text_without_charset_is_utf8(self, site):
        assert fetch(site, "ID\nü\n".encode(), "text/csv") == [("ü",)]

    @pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16-be", '"cp1252"'])
    def test_the_declared_charset_is_used(self, site, charset):
        body = "ID\nü\n".encode(charset.strip('"'))
        assert fetch(site, body, f"text/csv; charset={charset}") == [("ü",)]

    def test_the_charset_of_the_response_counts_when_the_plugin_names_none(self, site):
        body = "ID\nü\n".encode("latin-1")
        kind = "text/csv; charset=latin-1"
        assert fetch(site, body, kind, load_as="text/csv") == [("ü",)]

    def test_a_charset_that_the_plugin_names_comes_first(self, site):
        body = "ID\nü\n".encode("latin-1")
        kind = "text/csv; charset=utf-8"
        assert fetch(site, body, kind, load_as="text/csv;charset=latin-1") == [("ü",)]

    def test_an_encoding_that_the_plugin_sets_on_the_response_counts(self, site):
        url = site.put("/x", "ID\nü\n".encode("cp437"), Content_Type="text/csv")
        with open_url(url) as response:
            response.encoding = "cp437"
            assert list(load_entities(response, "text/csv")) == [("ü",)]

    @pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-32"])
    @pytest.mark.parametrize(
        "mimetype, text",
        [
            ("text/csv", "ID\nü"),
            ("application/json", '[{"ID":"ü"}]'),
            (LINES, '{"ID":"ü"}'),
        ],
    )
    def test_a_byte_order_mark_tells_the_charset(self, site, charset, mimetype, text):
        (entity,) = fetch(site, text.encode(charset), mimetype + "; charset=utf-8")
        assert entity.get("ID") == "ü"

    @pytest.mark.parametrize("charset", ["utf-16-le", "utf-32-be"])
    def test_json_shows_its_charset(self, site, charset):
        body = '{"ID": "ü"}'.encode(charset)
        assert fetch(site, body, "application/json") == [{"ID": "ü"}]

    @pytest.mark.parametrize(
        "mimetype, body, place",
        [
            ("text/csv", b"ID\n" + b"1\n" * 9000 + b"\xff\n", "after line [89]"),
            (LINES, b'{"ID": 1}\n' * 9000 + b'"\xff"\n', "after line [89]"),
            ("application/json", b"[" + b"1, " * 9000 + b'"\xff"]', "after character"),
        ],
    )
    def test_a_byte_that_the_charset_does_not_have_is_named(
        self, site, mimetype, body, place
    ):
        with pytest.raises(EntityEncodingError, match=f"not utf-8: byte 0xff {place}"):
            fetch(site, body, mimetype)

    @pytest.mark.parametrize("charset", ["utf-16", "UTF_16", "utf-32"])
    @pytest.mark.parametrize("order", ["le", "be"])
    def test_a_missing_byte_order_mark_is_made_up_for(self, site, charset, order):
        body = "ID\nü\n".encode(f"{charset}-{order}")
        assert fetch(site, body, f"text/csv; charset={charset}") == [("ü",)]

    def test_a_charset_that_cannot_tell_the_byte_is_named(self, site):
        body = b"xn--ls8h=.x\n"
        with pytest.raises(EntityEncodingError, match="charset that it declares"):
            fetch(site, body, "text/csv; charset=idna")

    @pytest.mark.parametrize("charset", ["klingon", "base64", "undefined", "x" * 999])
    def test_an_unknown_charset_is_named(self, site, charset):
        with pytest.raises(EntityEncodingError, match=charset[:90]):
            fetch(site, b"ID\n", f"text/csv; charset={charset}")


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_compressed_responses_are_read(site, compress):
    encoding = "gzip" if compress is gzip.compress else "deflate"
    text = "ID,text\r\n" + '1,"a\nb"\r\n' * 50_000
    entities = fetch(site, compress(text.encode()), "text/csv", Content_Encoding=encoding)
    assert len(entities) == 50_000
    assert entities[-1].text == "a\nb"


def test_a_broken_compression_is_an_error(site):
    body = gzip.compress(b"ID\n1\n")[:10] + b"garbage"
    with pytest.raises(requests.exceptions.ContentDecodingError):
        fetch(site, body, "text/csv", Content_Encoding="gzip")


@pytest.mark.parametrize(
    "text, breaks",
    [
        ("one\r\ntwo", "\r\n"),
        ("one\rtwo", "\r"),
        ("one\n\r\ntwo", ""),
        ("a\u2028b\x0bc", ""),
    ],
)
def test_any_line_break_in_a_value_of_a_response_is_kept(site, text, breaks):
    body = f'"ID","text"\r\n"1","{text}"\r\n'.encode()
    (entity,) = fetch(site, body, "text/csv")
    assert entity.text == text
    assert breaks in entity.text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("text", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85"])
def test_lines_end_at_line_feeds_and_carriage_returns_only(site, text, end):
    text = f"a{text}b\u2028c\u2029"
    body = end.join([f"ID{text},n", f"{text},1", ""]).encode()
    (entity,) = ensure_dict(fetch(site, body, "text/csv"))
    assert entity == {f"ID{text}": text, "n": "1"}
    line = json.dumps({"ID": text}, ensure_ascii=False)
    if text[1] >= "\x20":
        assert fetch(site, (line + end).encode() * 2, LINES) == [{"ID": text}] * 2


def test_a_response_without_a_connection_is_read():
    response = requests.Response()
    response._content = b"ID\n1\n"
    assert list(load_entities(response, "text/csv")) == [("1",)]


def test_a_double_may_give_bytes_and_line_ends():
    class Bytes(Double):
        def iter_lines(self, decode_unicode=False):
            yield from self.text.encode().splitlines(keepends=True)

    (entity,) = load_entities(Bytes('ID,text\r\n1,"ü\r\nx"\r\n'), "text/csv")
    assert entity.text == "ü\r\nx"


@pytest.mark.parametrize("char", ["\x0c", "\u2028"])
def test_a_double_may_split_lines_as_text_does(char):
    class Text(Double):
        def iter_lines(self, decode_unicode=False):
            yield from self.text.splitlines(keepends=True)

    table = f'ID,text\r\n1,"{char}"\r\n2,a{char}b\r\n3,{char}'
    entities = load_entities(Text(table), "text/csv")
    assert [entity.text for entity in entities] == [char, f"a{char}b", char]
    (entity,) = ensure_dict(
        load_entities(Text(f"ID,x{char}{char}y\n1,a{char}b\n"), "text/csv")
    )
    assert entity == {"ID": "1", f"x{char}{char}y": f"a{char}b"}


def test_a_double_without_line_ends_may_have_other_separators(load):
    class Lines(Double):
        def iter_lines(self, decode_unicode=False):
            yield from self.text.split("\n")

    table = "ID,x\u2028\n1,a\x1e\n2,b"
    one, two = load_entities(Lines(table), "text/csv")
    assert (one[1], two[1]) == ("a\x1e", "b")
    assert list(one._fields) == list(two._fields)


def test_nothing_is_read_before_the_first_entity_is_asked_for():
    load_entities(object(), "text/csv")
