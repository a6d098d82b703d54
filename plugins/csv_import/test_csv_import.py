"""Tests of csv-import: messy tables, beside what pandas reads when it is told how."""

import codecs
from io import BytesIO

import pandas
import pytest

from qhana_plugin_runner.authoring import Task

from . import csv_import
from .cells import guess_decimal, guess_type, reader_of
from .guess import Table, guess_charset, names_of
from .rows import read_columns

MESSY = """\
Bericht der Filialen
erstellt am 3.1.2026

Nr;Größe;Datum;Preis;Menge;ok;Größe;Text;
A1;k. A.;31.12.2025;1.234,50;1.000;ja;;"Zeile 1
Zeile ""2""; 3";
A2;1,5;01.02.2024;0,99;12;nein;x;–;

A3;2,25;30.02.2024;12 345,00;-3;ja;y
;;;;;;;;
A4;n. b.;3.1.26;viel;7;nein;z;;;mehr
"""


ORDINARY = "".join(f"B{n};{n},5;{n:02}.03.2026;{n},00;{n};ja;;;\n" for n in range(1, 21))
"""Rows that make the types of the columns clear."""


@pytest.fixture
def imported(run_plugin, tmp_path):
    """Imports a text or bytes without asking; returns the task."""

    def run(content, **encoding):
        path = tmp_path / "table.csv"
        is_text = isinstance(content, str)
        path.write_bytes(content.encode(**encoding) if is_text else content)
        return run_plugin("csv-import", file=path, review=False)

    return run


@pytest.fixture
def asked(run_plugin, tmp_path):
    """A task that shows how it would read the messy table."""
    path = tmp_path / "table.csv"
    path.write_bytes((MESSY + ORDINARY).replace("\n", "\r\n").encode("windows-1252"))
    return run_plugin("csv-import", file=path)


def guessed(app, tmp_path, content):
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Table.guess(path, {})


def test_a_messy_table(imported):
    task = imported((MESSY + ORDINARY).replace("\n", "\r\n"), encoding="windows-1252")
    text = task.outputs["entities"].text.replace("\r\n", "\n")
    assert text.startswith(
        '"ID","Größe","Datum","Preis","Menge","ok","Größe_2","Text"\n'
        '"A1","","2025-12-31","1234.50","1000","true","","Zeile 1\n'
        'Zeile ""2""; 3"\n'
        '"A2","1.5","2024-02-01","0.99","12","false","x","–"\n'
        '"A3","2.25","","12345.00","-3","true","y",""\n'
        '"A4","","2026-01-03","","7","false","z",""\n'
        '"B1","1.5","2026-03-01","1.00","1","true","",""\n'
    )
    types = {each["ID"]: each["type"] for each in task.outputs["attributes"].json()}
    assert types == {
        "ID": "string",
        "Größe": "number",
        "Datum": "date",
        "Preis": "number",
        "Menge": "integer",
        "ok": "boolean",
        "Größe_2": "string",
        "Text": "string",
    }


def test_nothing_that_is_odd_is_silent(imported):
    task = imported(MESSY + ORDINARY, encoding="windows-1252")
    for line in (
        "Entities: 24, attributes: 7.",
        "Blank rows, left out: 2.",
        "Rows with too few values, filled up: 1.",
        "Rows with too many values, which are in the report: 1.",
        "Left out: column_9.",
        "Größe: missing values: 'k. A.' (1), 'n. b.' (1).",
        "Datum: not of the type date-dmy, left empty: 1, such as '30.02.2024' (line 9).",
        "Preis: not of the type number, left empty: 1, such as 'viel' (line 11).",
    ):
        assert line in task.log
    assert task.outputs["report"].json() == [
        {"line": 9, "column": "", "value": "", "reason": "7 of 9 values"},
        {"line": 11, "column": "", "value": "mehr", "reason": "10 values for 9 columns"},
        {
            "line": 9,
            "column": "Datum",
            "value": "30.02.2024",
            "reason": "not of the type date-dmy",
        },
        {
            "line": 11,
            "column": "Preis",
            "value": "viel",
            "reason": "not of the type number",
        },
    ]


def test_what_was_guessed_is_shown(client, asked):
    page = client.get(asked.open_step["uiHref"]).text
    assert "<td>1234,50</td>" not in page and "<td>1234.50</td>" in page
    assert '<option value="windows-1252" selected>' in page
    assert "Größe_2: text" in page
    assert "Datum: date-dmy" in page
    assert "table.csv" in page  # in a hidden input


def test_columns_are_corrected(asked):
    columns = (
        "Nr: text\nGröße: number\nDatum: date-mdy\nPreis: skip\nMenge: integer\n"
        "ok: boolean\nSize: text\nText: id\nlast: skip"
    )
    task = asked.answer("check", columns=columns)
    first, second, *_rest = task.outputs["entities"].entities()
    assert first["ID"] == 'Zeile 1\r\nZeile "2"; 3'
    assert second == {
        "ID": "–",
        "Nr": "A2",
        "Größe": "1.5",
        "Datum": "2024-01-02",
        "Menge": "12",
        "ok": "false",
        "Size": "x",
    }
    assert "Rows without an ID, which got one such as row-7: 22" in task.log
    assert "Datum: not of the type date-mdy, left empty: 10, such as" in task.log


def test_a_change_of_how_it_is_read_is_shown_first(client, asked):
    task = asked.answer("check", delimiter="tab")
    page = client.get(task.open_step["uiHref"]).text
    assert '<option value="tab" selected>' in page
    assert "Bericht der Filialen: " in page
    task = task.answer("check", delimiter=";", skipLines=4, header=False)
    page = client.get(task.open_step["uiHref"]).text
    assert "column_2: number" in page
    task = task.answer("check")
    assert task.outputs["entities"].entities()[0]["column_3"] == "2025-12-31"


def test_a_wrong_answer_is_asked_again(client, asked):
    for answer, message in (
        ({"columns": "a: text"}, "The table has 9 columns, and there are 1 lines"),
        ({"charset": "utf-8"}, "The file is not utf-8: choose another charset."),
    ):
        asked.answer("check", **answer)
        assert message in asked.log
        assert message in client.get(asked.open_step["uiHref"]).text
    asked.answer("check", charset="windows-1252", columns="")
    assert asked.outputs["entities"].entities()[0]["ID"] == "A1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: integer\nb", "write NAME: TYPE"),
        ("a: integer\nb: float", "'b: float': write NAME: TYPE; types are id, integer"),
        ("a: text\na: text", "another column of this name"),
        ("a: id\nb: id", "another column of the type id"),
    ],
)
def test_columns_that_make_no_sense(text, message):
    with pytest.raises(ValueError, match=message):
        read_columns(text)


@pytest.mark.parametrize(
    ("charset", "content"),
    [
        ("utf-8", "ä,€".encode()),
        ("utf-8", b"plain"),
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8 + "ä".encode()),
        ("utf-16", "ä,b".encode("utf-16")),
        ("utf-32", "ä,b".encode("utf-32")),
        ("utf-16-le", "name,size\n".encode("utf-16-le")),
        ("utf-16-be", "name,size\n".encode("utf-16-be")),
        ("windows-1252", "„ä“".encode("windows-1252")),
        ("windows-1252", b"x" * 3_000_000 + "ä".encode("windows-1252")),
        ("iso-8859-1", "ä\x81".encode("iso-8859-1")),
        ("utf-8", b"x" * (64 * 1024 - 1) + "ä".encode()),  # cut apart by a read
    ],
)
def test_charsets(tmp_path, charset, content):
    (tmp_path / "file").write_bytes(content)
    assert guess_charset(tmp_path / "file") == charset


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        ("a,b\n1,2\n", {"delimiter": ","}),
        ("a;b\n1,5;2,5\n2,5;3\n", {"delimiter": ";", "decimal": ","}),
        ("a\tb c\n1\tx, y\n2\tz\n", {"delimiter": "tab"}),
        ("a|b\n1|x;y\n2|z\n", {"delimiter": "|"}),
        ("sep=;\na;b\n1;2\n", {"delimiter": ";", "skip_lines": 1}),
        ("sep=;\na\n1\n2\n", {"delimiter": ";", "skip_lines": 1}),
        ("a,b\n'x,y',1\n'z,w',2\n", {"quote": "'"}),
        ('a,b\n5" pipe,1\n"3,1",2\n', {"quote": '"'}),
        ("# by hand\n#\na,b\n1,2\n", {"skip_lines": 2}),
        ("# by hand\n#a,b\n1,2\n3,4\n", {"skip_lines": 1, "header": True}),
        ("a,b\n1.5,2\n", {"header": True}),
        ("1.5,2\n2.5,3\n", {"header": False}),
        ("x,y\nx,z\ny,z\n", {"header": False}),
        ("name,city\nAda,London\nAlan,London\n", {"header": True}),
        ("one\n1\n2\n", {"delimiter": ",", "header": True}),
        ("Year,2000,2001\nUlm,7,8\nBonn,9,8\n", {"header": True}),
        ('"Sums, 2000 to 2001",,\n,,\nYear,a,b\nUlm,7,8\n', {"skip_lines": 2}),
        ("city,x,\nUlm,y,\nBonn,z,\n", {"header": True}),
        ("city,x\n" + "Ulm,y\ncity,x\n" + "Bonn,z\n" * 30, {"header": True}),
        ('a, b, c\n1, "x, y", 2\n3, "z", 4\n', {"delimiter": ",", "quote": '"'}),
        ("text\nSome words, and more.\nWithout.\n", {"delimiter": ","}),
        ("0.0 5.0 13\n0.0 0.0 12\n1 2 3\n", {"delimiter": "space", "header": False}),
        (
            "  x   y  kind\n 1.5  20  b\n10.5   3  c\n",
            {"delimiter": "space", "header": True},
        ),
        ("who said it\none two three\nno more 4\n", {"delimiter": ","}),
        ("people\n1 000 000\n2 000 000\n", {"delimiter": ","}),
        ("", {"delimiter": ",", "header": False}),
    ],
)
def test_layouts(app, tmp_path, content, layout):
    found = guessed(app, tmp_path, content).layout.as_dict()
    assert {name: found[name] for name in layout} == layout


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", "+3"], "integer"),
        (["1", "2,345", "1.5"], "number"),
        (["1e5", "2"], "number"),
        (["1'234.5", "2"], "number"),
        (["−5.5", "1 000"], "number"),
        (["0", "1"], "integer"),
        (["yes", "No"], "boolean"),
        (["n", "n"], "text"),
        (["t", "y"], "text"),
        (["f", "N", "n"], "text"),
        (["1", "j"], "text"),
        (["01234", "99999"], "text"),
        (["1234567890123456789012"], "text"),
        (["2025-12-31", "2025-1-1"], "date-ymd"),
        (["31.12.2025", "1. 2. 2026"], "date-dmy"),
        (["31/12/2025", "01/02/2025"], "date-dmy"),
        (["01/12/2025", "01/02/2025"], "date-mdy"),
        (["31-Dec-25", "1. März 2024"], "date-dmy"),
        (["Dec 31, 2025", "May 1, 2024"], "date-mdy"),
        (["2025-12-31T23:59:59.5+01:00", "2025-12-31 12:00"], "datetime-ymd"),
        (["12/31/2025 11:30 PM", "1/2/2025 00:00"], "datetime-mdy"),
        (["12:30", "13:45"], "text"),
        (["1.2.3", "1.2.4"], "text"),
        (["192.168.0.1"], "text"),
        (["+49 711 12345", "0711"], "text"),
        (["+4971112345", "+4915112345678"], "text"),
        (["-1234567890123456789012", "1"], "text"),
        (["2025-12-31 10:00:00+00", "2025-12-31 10:00:00.123456789"], "datetime-ymd"),
        (["1_000", "2"], "text"),
        (["١٢", "٣"], "text"),
        (["inf", "nan"], "text"),
        (["NA", "", "3"], "integer"),
    ],
)
def test_types(cells, kind):
    missing = {"na"}
    assert guess_type(cells, missing, ".") == (kind, {})


@pytest.mark.parametrize(
    ("kind", "decimal", "cell", "value"),
    [
        ("integer", ".", "1,234,567", "1234567"),
        ("integer", ",", "7,00", "7"),
        ("number", ",", "-1.234,5e-3", "-1234.5e-3"),
        ("number", ",", "12\u202f345,6", "12345.6"),
        ("number", ".", ".5", ".5"),
        ("boolean", ".", "WAHR", "true"),
        ("date-dmy", ".", "31.12.68", "2068-12-31"),
        ("date-dmy", ".", "31.12.69", "1969-12-31"),
        ("date-ymd", ".", "2025-12-31 00:00:00", "2025-12-31"),
        ("datetime-mdy", ".", "12/31/2025 12:05 am", "2025-12-31T00:05:00"),
        ("datetime-ymd", ".", "2025-12-31T08:00Z", "2025-12-31T08:00:00Z"),
        ("datetime-ymd", ".", "2025-12-31 08:00+0100", "2025-12-31T08:00:00+01:00"),
        ("datetime-dmy", ".", "31.12.2025", "2025-12-31T00:00:00"),
        ("datetime-ymd", ".", "2025-12-31 08:00-03", "2025-12-31T08:00:00-03:00"),
        (
            "datetime-ymd",
            ".",
            "2025-12-31 08:00:00.1234567Z",
            "2025-12-31T08:00:00.1234567Z",
        ),
        (
            "datetime-ymd",
            ".",
            "2025-12-31 08:00:00.000000010",
            "2025-12-31T08:00:00.00000001",
        ),
    ],
)
def test_values(kind, decimal, cell, value):
    assert reader_of(kind, decimal)(cell) == value


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("integer", "1.5"),
        ("integer", "12,34"),
        ("number", "1.234,5"),
        ("number", "1,2345"),
        ("number", "0x10"),
        ("boolean", "maybe"),
        ("date-dmy", "31.02.2025"),
        ("date-ymd", "25-12-31"),
        ("date-dmy", "2025-12-31 10:00"),
        ("date-dmy", "31 Foo 2025"),
        ("datetime-ymd", "2025-12-31 25:00"),
        ("datetime-ymd", "2025-12-31 10:00+99:99"),
        ("datetime-ymd", "2025-12-31 10:00-0260"),
        ("datetime-ymd", "2025-12-31 10:00 tomorrow"),
    ],
)
def test_values_that_do_not_fit(kind, cell):
    with pytest.raises(ValueError):
        reader_of(kind, ".")(cell)


@pytest.mark.parametrize(
    ("cells", "sign"),
    [
        (["1.234", "1,5"], ","),
        (["1,234", "1.5"], "."),
        (["1.234.567"], ","),
        (["1,234,567"], "."),
        (["1.234,56"], ","),
        (["31.12.2025", "1,5"], ","),
        (["3.141"], "."),
        ([], "."),
    ],
)
def test_decimal_signs(cells, sign):
    assert guess_decimal(cells, ",") == sign


def test_words_for_missing_values_are_found(app, tmp_path):
    rows = "".join(f"{n},{n}.5,many\n" for n in range(20))
    content = f"a,b,c\nlost,lost,x\n{rows}many,1.5,x\nmany,once,x\n"
    missing = guessed(app, tmp_path, content).layout.missing_words
    assert "lost" in missing  # in two columns of numbers
    assert "many" not in missing  # it is a value of a column of texts
    assert "once" not in missing


def test_ids(app, tmp_path):
    for content, chosen in (
        ("ID,x\n1,1\n2,1\n", "ID"),
        ("x,customer_id\n1,A7\n1,A8\n", "customer_id"),
        ("x,customer_id\n1,A7\n1,A7\n", None),
        ('"","x"\n"1","a"\n"2","b"\n"3","b"\n', "column_1"),
        ("city,x\nUlm,1\nKöln,2\nBonn,3\n", None),
        ("size,x\n5,1\n7,2\n9,3\n", None),
    ):
        table = guessed(app, tmp_path, content)
        kinds = dict(zip(table.kinds, table.names))
        assert kinds.get("id") == chosen, content


def test_entities_without_an_id_are_numbered(imported):
    task = imported("size,ID\n5,a\n7,a\n5,b\n")
    assert task.outputs["entities"].entities() == [
        {"ID": "1", "size": "5", "ID_2": "a"},
        {"ID": "2", "size": "7", "ID_2": "a"},
        {"ID": "3", "size": "5", "ID_2": "b"},
    ]


def test_repeated_ids_are_told(imported):
    rows = "".join(f"{n},x\n" for n in range(6000))
    task = imported("id,x\n" + rows + "17,y\n17,z\n")
    assert "Entities with the ID of another one: 2;" in task.log


@pytest.mark.parametrize(
    ("cell", "kind"),
    [("01067", "string"), ("12345678901234567890", "string"), ("1.5", "number")],
)
def test_rows_far_below_change_a_type_that_is_guessed(imported, cell, kind):
    rows = "".join(f"r{n},{n}\n" for n in range(6000))
    task = imported(f"id,zip\n{rows}r6000,{cell}\nr6001,x\nr6002,7\n")
    values = [row["zip"] for row in task.outputs["entities"].entities()[5999:]]
    assert values == ["5999", cell, "x" if kind == "string" else "", "7"]
    assert task.outputs["attributes"].json()[1]["type"] == kind
    assert f"and not integer as in the first rows: there is {cell!r}." in task.log


def test_a_type_that_is_chosen_stays(run_plugin, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("id,zip\na,01067\nb,1.5\n")
    task = run_plugin("csv-import", file=path).answer(
        "check", columns="id: id\nzip: integer"
    )
    values = [row["zip"] for row in task.outputs["entities"].entities()]
    assert values == ["01067", ""]
    assert task.outputs["attributes"].json()[1]["type"] == "integer"


def test_the_end_of_a_report_is_told(imported):
    task = imported("a,b\n" + "1,2\n" * 1100 + "1,2,3\n" * 1001)
    assert "The report ends after 1000 values and rows; there may be more." in task.log
    assert len(task.outputs["report"].json()) == 1000


def test_a_quote_that_is_never_closed_is_named(imported):
    rows = "".join(f"{n},x\n" for n in range(9000))
    with pytest.raises(
        Exception, match=r"quote that opens in line 9002, or below, is never"
    ):
        imported("id,x\n" + rows + '"9000,x\n' + rows)


def test_names_of_tables_of_r():
    assert names_of(["a", "b"], 3) == ["column_1", "a", "b"]


def test_names_that_are_repeated_tens_of_thousands_of_times():
    names = names_of(["a", "a_2", *["a"] * 50_000], 50_002)
    assert names[:4] == ["a", "a_2", "a_3", "a_4"] and len(set(names)) == 50_002
    assert len(read_columns("\n".join(f"{name}: text" for name in names))[0]) == 50_002


COMMON = [
    # By the standard, and what the csv module and pandas test: quotes, line breaks, ends of lines.
    "a,b,c\n1,2,3\n4,5,6\n",
    'a,b\r\n1,"say ""hi"""\r\n2,"x,y"\r\n',
    'a,b\n1,"two\nlines"\n2,""\n3,"  space  "\n',
    'a,b,c\n1,"",""\n2,3,4\n5,6,7\n',
    'key,val\n1,"{""type"": ""Point"", ""at"": [102.0, 0.5]}"\n2,x\n',
    "a,b\r1,x\r2,y\r",
    "a,b\n1,x\n2,y",
    "date,v\n2020-01-01,1.5\n2020-01-02,-2.5e3\n",
    "index,A,B\nfoo,2,3\nbar,7,8\nbaz,12,13\n",
    "a,b\n1,\n,x\n3,\n4,y\n",
]


@pytest.mark.parametrize("text", COMMON)
def test_ordinary_tables_are_read_as_pandas_does(imported, text):
    expected = pandas.read_csv(
        BytesIO(text.encode()), dtype=str, keep_default_na=False, na_filter=False
    )
    found = pandas.DataFrame(imported(text).outputs["entities"].entities())
    missing = [name for name in expected.columns if name not in found.columns]
    assert len(missing) <= 1
    found = found.rename(columns={"ID": missing[0] if missing else "ID"})
    assert found[expected.columns].values.tolist() == expected.values.tolist()


def test_numbers_and_dates_are_those_of_pandas(imported):
    text = "".join(
        f"{day}.{month}.2024;{day * 1234567 % 99991 / 100:,.2f}".translate(
            str.maketrans(".,", ".,")
        )
        .replace(",", "'")
        .replace(f".{day * 1234567 % 99991:05}"[-3:], f".{day * 1234567 % 99991:05}"[-3:])
        + f";{day}\n"
        for day in range(1, 29)
        for month in (1, 12)
    )
    task = imported("day;price;n\n" + text)
    found = task.outputs["entities"].to_pandas()
    expected = pandas.read_csv(
        BytesIO(("day;price;n\n" + text).encode()),
        sep=";",
        thousands="'",
        parse_dates=["day"],
        date_format="%d.%m.%Y",
    )
    assert found["price"].tolist() == expected["price"].tolist()
    assert found["n"].tolist() == expected["n"].tolist()
    assert pandas.to_datetime(found["day"]).tolist() == expected["day"].tolist()


def test_a_call_without_a_runner(app, tmp_path):
    (tmp_path / "a.csv").write_text("id,x\n1,2\n2,3\n")
    task = Task()
    made = csv_import(task, tmp_path / "a.csv", review=False)
    assert made["entities"].read_text().splitlines()[1] == '"1","2"'
    assert "Entities: 2, attributes: 1." in task.lines
