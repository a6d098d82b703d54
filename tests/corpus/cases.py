"""What is right for each file in ``files``.

The files were made after such as are met in public: tables from spreadsheets, databases and
statistics programs, test suites for CSV and JSON, and what people attached to reports of faults.
Each reader of the runner is tried on each of them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("files")

CSV, JSON, LINES = "text/csv", "application/json", "application/X-lines+json"

NAN, INF = float("nan"), float("inf")


@dataclass
class Case:
    """A file.

    Attributes:
        name: the name of the file.
        entities: what it holds; ``None`` when it is broken.
        error: a pattern for the reason why it is broken; what comes before the broken place may
            be read.
        declared: the content type under which it is sent.
        columns: the names of the columns, where the entities do not show them.
        numbers: least and largest value of each column that has numbers only; of all others
            there are no such values.
        table: header and rows as a table shows them, where a name occurs twice.
        delimiter: what stands between the values when the reader is told; by default the one of
            the runner's dialect.
        told: what it holds when the reader is told the delimiter.
    """

    name: str
    entities: list[dict[str, Any]] | None = None
    error: str = ""
    declared: str = ""
    columns: list[str] | None = None
    numbers: dict[str, tuple[float, float]] = field(default_factory=dict)
    table: list[list[str]] | None = None
    delimiter: str = ","
    told: list[dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        kinds = {".csv": CSV, ".json": JSON, ".jsonl": LINES}
        self.declared = self.declared or kinds[FOLDER.joinpath(self.name).suffix]
        if self.columns is None:
            names = [name for entity in self.entities or () for name in entity]
            self.columns = list(dict.fromkeys(names))

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        return FOLDER.joinpath(self.name).read_bytes()

    @property
    def kind(self) -> str:
        """The content type without parameters."""
        return self.declared.partition(";")[0]


def rows(names: str, *texts: str) -> list[dict[str, Any]]:
    """Make the entities of a plain table."""
    return [dict(zip(names.split(","), text.split(","), strict=True)) for text in texts]


TABLES = [
    Case("simple.csv", rows("ID,n,label", "a,1,one", "b,2.5,"), numbers={"n": (1, 2.5)}),
    Case(
        "semicolon.csv",
        [{"ID;name;n": "a;Äpfel;1"}, {"ID;name;n": 'b;"Birnen; rot";2'}],
        delimiter=";",
        told=rows("ID,name,n", "a,Äpfel,1", "b,Birnen; rot,2"),
    ),
    Case(
        "decimal_comma.csv",
        error="Row 1 .* has 2 values, but the table has 1 columns",
        delimiter=";",
        told=[{"ID": "a", "n": "1,5"}, {"ID": "b", "n": "2,5"}],
    ),
    Case(
        "tabs.csv",
        [{"ID\tname\tn": "a\tx y\t1"}, {"ID\tname\tn": "b\t\t2"}],
        delimiter="\t",
        told=rows("ID,name,n", "a,x y,1", "b,,2"),
    ),
    Case(
        "quotes.csv",
        [
            {"ID": "a", "text": 'say "hi", twice', "n": "1"},
            {"ID": "b", "text": ' " spaced " ', "n": "2"},
            {"ID": "c", "text": '5" disk', "n": "3"},
            {"ID": "d", "text": "one\n\ntwo", "n": "4"},
        ],
        numbers={"n": (1, 4)},
    ),
    Case("blank_lines.csv", rows("ID,n", "a,1", "b,2"), numbers={"n": (1, 2)}),
    Case("bom.csv", rows("ID,n", "a,1"), numbers={"n": (1, 1)}),
    Case("bom_quoted.csv", rows("ID,n", "a,1"), numbers={"n": (1, 1)}),
    Case("header_only.csv", [], columns=["ID", "n", "label"]),
    Case("header_without_end.csv", [], columns=["ID", "n"]),
    Case("empty.csv", []),
    Case("carriage_returns.csv", rows("ID,n", "a,1", "b,2"), numbers={"n": (1, 2)}),
    Case("mixed_ends.csv", rows("ID,text", "a,1\r\n2\r3\n4", "b,x", "c,y")),
    Case(
        "separators.csv",
        rows("ID,text,x\x1ey", "a,1\x1c2\x1d3\x1e4\x1f5,1", "b,\v\f\x85\u2028\u2029,2"),
        numbers={"x\x1ey": (1, 2)},
    ),
    Case("nul.csv", rows("ID,text", "a,x\0y")),
    Case("utf16.csv", rows("ID,name", "a,Ω", "b,日本")),
    Case("utf16_big.csv", rows("ID,name", "a,😀"), declared="text/csv; charset=utf-8"),
    Case(
        "latin1.csv",
        rows("ID,name", "a,café", "b,Zoë"),
        declared="text/csv; charset=iso-8859-1",
    ),
    Case(
        "cp1252.csv",
        rows("ID,price", "a,5 €", "b,„x“"),
        declared='text/csv; header=present; charset="Windows-1252"',
    ),
    Case(
        "shift_jis.csv",
        rows("ID,名前", "a,表", "b,ソ"),
        declared="text/csv;charset=shift_jis",
    ),
    Case("koi8.csv", rows("ID,имя", "a,Юлия"), declared="text/csv; charset=KOI8-R"),
    Case(
        "utf16_without_mark.csv",
        rows("ID,name", "a,Ω"),
        declared="text/csv; charset=utf-16",
    ),
    Case("blank_with_space.csv", rows("ID,n", "a,1", "b,2"), numbers={"n": (1, 2)}),
    Case("emoji.csv", rows("ID,👩‍🔬,n", "a,🇩🇪,1", "b,e\u0301,2"), numbers={"n": (1, 2)}),
    Case("latin1.csv", error="not utf-8: byte 0xe9"),
    Case(
        "latin1.csv", error="charset 'undefined'", declared="text/csv; charset=undefined"
    ),
    Case("utf16_without_mark.csv", error="byte 0xa9|not utf-8"),
    Case("row_names.csv", error=r"Row 1 \(line 2\) .* has 3 values.* 2 columns"),
    Case("excel_hint.csv", [{"sep=": "ID", "": "n"}, {"sep=": "a", "": "1"}]),
    Case("koi8.csv", error="charset 'klingon'", declared="text/csv; charset=klingon"),
    Case("cut_in_character.csv", error="not utf-8: byte 0xc3"),
    Case("ragged.csv", error=r"Row 2 \(line 3\) .* has 2 values.* 3 columns"),
    Case("more_values.csv", error=r"Row 1 .* has 3 values.* quote values"),
    Case("open_quote.csv", error="inside of a quoted value"),
    Case(
        "same_names.csv",
        rows("ID,x", "a,2"),
        numbers={"x": (2, 2)},
        table=[["ID", "x", "x"], ["a", "1", "2"]],
    ),
    Case(
        "one_for_python.csv",
        rows("ID,\u00b5,\u03bc,\ufb01,fi,\u212b,\u00c5", "a,1,2,3,4,5,6"),
        numbers={
            name: (number, number)
            for number, name in enumerate(
                "\u00b5 \u03bc \ufb01 fi \u212b \u00c5".split(), 1
            )
        },
    ),
    Case(
        "odd_names.csv",
        rows('ID,birth date,class,,get,_x,1st,日本,a"b', "a,1,2,3,4,5,6,7,8"),
        numbers={
            name: (number, number)
            for number, name in enumerate(
                ["birth date", "class", "", "get", "_x", "1st", "日本", 'a"b'], 1
            )
        },
    ),
    Case("one_column.csv", rows("ID", "a", "b")),
    Case(
        "numerals.csv",
        rows(
            "ID,plain,signs,exponents,underscores,wide,arabic,thousands,hex,words,missing,"
            "spaced",
            "a,1,+1,1e3,100_1,１２,٣,1 000,0x10,inf,NA, 1 ",
            "b,2.5,-.5,1E-2,1030_11,１,١,2 000,0xff,1,7,\u00a02",
        ),
        numbers={
            "plain": (1, 2.5),
            "signs": (-0.5, 1),
            "exponents": (0.01, 1000),
            "missing": (7, 7),
            "spaced": (1, 2),
        },
    ),
    Case(
        "huge_numbers.csv",
        rows(
            "ID,digits,over,edges,spread",
            f"a,{'9' * 310},1e400,1.7e308,1e200",
            "b,1,1,-1.7e308,-1e200",
            "c,2,2,0,3e200",
        ),
        numbers={"edges": (-1.7e308, 1.7e308), "spread": (-1e200, 3e200)},
    ),
    Case(
        "leading_zeros.csv",
        rows("ID,plz", "a,01067", "b,10115"),
        numbers={"plz": (1067, 10115)},
    ),
]

DOCUMENTS = [
    Case(
        "simple.json",
        [
            {"ID": "a", "n": 1, "tags": ["x", "y"], "more": {"k": None}},
            {"ID": "b", "n": 2.5, "flag": True},
        ],
        numbers={"n": (1, 2.5)},
    ),
    Case("one_object.json", [{"ID": "a", "n": 1}], numbers={"n": (1, 1)}),
    Case("no_entities.json", []),
    Case("empty.json", []),
    Case("bom.json", [{"ID": "é"}]),
    Case("utf16.json", [{"ID": "é"}]),
    Case("utf16_bom.json", [{"ID": "é"}], declared="application/json; charset=utf-8"),
    Case("utf32.json", [{"ID": "é"}]),
    Case(
        "no_numbers.json",
        [
            {"ID": "a", "x": NAN, "y": INF, "z": INF},
            {"ID": "b", "x": 1, "y": -INF, "z": 2},
        ],
        numbers={"x": (1, 1)},
    ),
    Case(
        "long_numbers.json",
        [
            {
                "ID": "a",
                "int": 12345678901234567890123,
                "long": int("7" * 400),
                "float": 0.1,
                "zero": -0.0,
            }
        ],
        numbers={
            "int": (12345678901234567890123, 12345678901234567890123),
            "float": (0.1, 0.1),
            "zero": (0, 0),
        },
    ),
    Case(
        "long_names.json",
        [
            {"ID": 12345678901234567890, "n": 100.0},
            {"ID": 12345678901234567891, "n": 0.01},
        ],
        numbers={"ID": (12345678901234567890, 12345678901234567891), "n": (0.01, 100)},
    ),
    Case("same_keys.json", [{"ID": "a", "x": 2}], numbers={"x": (2, 2)}),
    Case("escapes.json", [{"ID": "a", "x": '"\\/\b\f\n\r\t\u2028', "emoji": "😀"}]),
    Case(
        "surrogates.json",
        [{"ID": "a", "x": "\ud83d", "\udc00": 1}, {"ID": "\ud800b", "x": "c"}],
        numbers={"\udc00": (1, 1)},
    ),
    Case("separators.json", [{"ID": "a", "x": "\u2028\u2029\x85\x7f"}]),
    Case(
        "other_keys.json",
        [{"ID": "a", "x": 1}, {"y": 2, "ID": "b"}, {"ID": "c", "x": None, "y": ""}],
        numbers={"x": (1, 1), "y": (2, 2)},
    ),
    Case("nul.json", [{"ID": "a\0b"}]),
    Case("object_of_objects.json", [{"a": {"n": 1}, "b": {"n": 2}}]),
    Case("latin1.json", [{"ID": "é"}], declared="application/json; charset=iso-8859-1"),
    Case("latin1.json", error="not utf-8: byte 0xe9"),
    Case("concatenated.json", error="Extra data"),
    Case("trailing_comma.json", error="Broken JSON at character 13"),
    Case("comment.json", error="Broken JSON at character 0"),
    Case("single_quotes.json", error="property name enclosed in double quotes"),
    Case("numbers.json", error="not 'int'|not every entity is an object"),
    Case("rows.json", error="not 'list'|not every entity is an object"),
    Case("a_number.json", error="list of objects or one object"),
    Case("cut.json", error="cut off"),
    Case("too_long_number.json", error="digits"),
    Case(
        "lines.jsonl",
        [{"ID": "a", "n": 1}, {"ID": "b", "n": 2.5}],
        numbers={"n": (1, 2.5)},
    ),
    Case("lines_crlf.jsonl", [{"ID": "a"}, {"ID": "b"}]),
    Case("lines_cr.jsonl", [{"ID": "a"}, {"ID": "b"}]),
    Case(
        "separators.jsonl",
        [{"ID": "a", "x": "\u2028\u2029\x85"}, {"ID": "b", "x": "\x7f"}],
    ),
    Case("surrogates.jsonl", [{"ID": "a", "x": "\udfff"}]),
    Case("bom.jsonl", [{"ID": "a"}]),
    Case("utf16.jsonl", [{"ID": "é"}, {"ID": "b"}]),
    Case("empty.jsonl", []),
    Case("concatenated.json", [{"ID": "a"}, {"ID": "b"}], declared=LINES),
    Case("over_lines.jsonl", error="Line 1 "),
    Case("two_on_a_line.jsonl", error="Line 1 .*Extra data"),
    Case("cut.jsonl", error="Line 2 "),
    Case("list.jsonl", error="not 'list'|not every entity is an object"),
]

CASES = TABLES + DOCUMENTS
