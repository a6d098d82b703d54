"""What functions return, and the files that are made of it."""

import csv
import json
from collections import namedtuple
from datetime import date
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path

import numpy
import pandas
import plotly.graph_objects
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from qiskit import QuantumCircuit, qasm2
from qiskit.circuit import Parameter
from qiskit.quantum_info import Operator

from qhana_plugin_runner.authoring import OutputError
from qhana_plugin_runner.authoring.values import content_of, file_name
from qhana_plugin_runner.plugin_utils.entity_marshalling import EntityError

Row = namedtuple("Row", "ID x")


def written(value, content_type=None):
    """Return the content of a value, and its type."""
    with content_of(value, content_type) as (file, kind):
        if hasattr(file, "read"):
            file.seek(0)
            file = file.read()
        return file, kind


def test_texts_and_bytes_are_stored_as_they_are(tmp_path):
    assert written("täxt") == ("täxt", "text/plain")
    assert written("<p>", "text/html") == ("<p>", "text/html")
    assert written(b"\0") == (b"\0", "application/octet-stream")
    assert written(bytearray(b"a"), "image/png") == (b"a", "image/png")
    path = tmp_path / "a.svg"
    path.write_text("<svg/>")
    assert written(path) == (b"<svg/>", "image/svg+xml")
    assert written(BytesIO(b"x"), "a/b") == (b"x", "a/b")


def rows():
    yield {
        "ID": "a",
        "x": numpy.int64(1),
        "y": numpy.float64("nan"),
        "z": date(2026, 1, 2),
    }
    yield {"ID": "b", "x": numpy.array([1, 2])}


def test_rows_may_come_one_by_one():
    text, kind = written(rows())
    assert kind == "application/json"
    first = {"ID": "a", "x": 1, "y": None, "z": "2026-01-02"}
    assert json.loads(text) == [first, {"ID": "b", "x": [1, 2]}]
    text, _ = written(rows(), "application/X-lines+json")
    assert [json.loads(line) for line in text.splitlines()][0] == first
    text, _ = written([Row("a", 1), Row("b", 2)], "text/csv")
    assert text == '"ID","x"\r\n"a","1"\r\n"b","2"\r\n'


def test_no_rows_are_an_empty_file():
    assert json.loads(written([])[0]) == []
    assert written(iter(()), "text/csv") == ("", "text/csv")


def test_other_values_are_json():
    assert written({"a": numpy.float32(0.5)}) == ('{"a": 0.5}', "application/json")
    assert written([1, 2.5, None])[0] == "[1, 2.5, null]"
    assert written(numpy.array([[1, 2], [3, 4]]))[0] == "[[1, 2], [3, 4]]"
    assert written(3, "application/geo+json") == ("3", "application/geo+json")


def test_data_frames_are_rows():
    frame = pandas.DataFrame(
        {
            "ID": ["a", "b"],
            "x": [1, 2],
            "y": [0.5, None],
            "t": [pandas.NaT, date(2026, 1, 2)],
        }
    )
    assert json.loads(written(frame)[0]) == [
        {"ID": "a", "x": 1, "y": 0.5, "t": None},
        {"ID": "b", "x": 2, "y": None, "t": "2026-01-02"},
    ]
    text, _ = written(frame[["ID", "x"]].set_index("ID"), "text/csv")
    assert text == '"ID","x"\r\n"a","1"\r\n"b","2"\r\n'


def test_only_an_index_that_says_something_becomes_a_column():
    frame = pandas.DataFrame({"x": [2, 1]})
    for each in (frame.sort_values("x"), frame[frame.x < 2], pandas.concat([frame] * 2)):
        assert list(json.loads(written(each)[0])[0]) == ["x"]
    grouped = pandas.concat({"a": frame, "b": frame}, names=["group", None])
    assert json.loads(written(grouped)[0])[0] == {"group": "a", "x": 2}
    labels = json.loads(written(frame.describe())[0])
    assert labels[0] == {"index": "count", "x": 2}


@pytest.mark.parametrize(
    "frame",
    [
        pandas.DataFrame([[1, 2]], columns=["x", "x"]),
        pandas.DataFrame({"ID": ["a"]}).set_index("ID", drop=False),
        pandas.DataFrame([[1, 2]], columns=[1, "1"]),
    ],
)
def test_columns_of_one_name_are_refused(frame):
    with pytest.raises(OutputError, match="two columns '(x|ID|1)': rename or drop"):
        written(frame)


def test_missing_values_are_no_words():
    missing = [float("nan"), numpy.float32("nan"), pandas.NA, pandas.NaT, Decimal("nan")]
    missing += [numpy.datetime64("NaT"), None]
    row = {f"x{number}": each for number, each in enumerate(missing)}
    assert set(json.loads(written([row])[0])[0].values()) == {None}
    text, _ = written([row], "text/csv")
    assert set(text.splitlines()[1]) == set('",')
    frame = pandas.DataFrame({"x": [1.5, None], "y": pandas.array([1, None], "Int64")})
    assert written(frame, "text/csv")[0].endswith('\r\n"",""\r\n')
    assert json.loads(written(frame)[0])[1] == {"x": None, "y": None}
    assert json.loads(written({"x": pandas.NA})[0]) == {"x": None}


def test_an_empty_frame_has_its_columns():
    assert written(pandas.DataFrame({"ID": [], "x": []}), "text/csv")[0] == '"ID","x"\r\n'


def test_a_first_none_is_not_lost():
    assert written([None])[0] == "[null]"
    assert written([None, 1, 2])[0] == "[null, 1, 2]"


def test_figures_are_pictures_or_pages():
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    for kind, start in {
        None: b"\x89PNG",
        "image/svg+xml": b"<?xml",
        "application/pdf": b"%PDF",
        "image/svg+xml; charset=utf-8": b"<?xml",
    }.items():
        content, stored_as = written(figure, kind)
        assert content.startswith(start)
        assert stored_as == (kind or "image/png")
    figure = plotly.graph_objects.Figure(plotly.graph_objects.Scatter(y=[1, 2]))
    page, kind = written(figure)
    assert kind == "text/html"
    assert "<html>" in page
    assert 'src="http' not in page
    assert (
        json.loads(written(figure, "application/json")[0])["data"][0]["type"] == "scatter"
    )


def test_circuits_of_qiskit_are_qasm_that_others_read():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    text, kind = written(circuit)
    assert kind == "text/x-qasm"
    assert file_name("bell", kind) == "bell.qasm"
    assert text.startswith('OPENQASM 2.0;\ninclude "qelib1.inc";')
    assert qasm2.loads(text) == circuit
    for angle in (0.5, 1.5):
        circuit.remove_final_measurements()
        circuit.p(angle, 0)
        circuit.rzz(angle, 0, 1)
        read = qasm2.loads(written(circuit)[0])
        assert Operator(read).equiv(Operator(circuit))
    with pytest.raises(OutputError, match="declare text/x-qasm"):
        written(circuit, "application/json")
    circuit.rx(Parameter("x"), 0)
    with pytest.raises(
        OutputError, match="cannot be expressed in OpenQASM 2: .*unbound parameters"
    ):
        written(circuit)


@pytest.mark.parametrize(
    "value, kind, reason",
    [
        (3, "text/plain", "int cannot be written as text/plain: pass text, bytes"),
        (object(), None, "JSON does not support object"),
        ([{"x": object()}], None, "Entity 1 cannot be written as JSON"),
        (
            [{"x": 1}, 2],
            None,
            "An entity must be a dictionary or a named tuple, not 'int'",
        ),
    ],
)
def test_what_cannot_be_written_is_told(value, kind, reason):
    with pytest.raises(OutputError, match=reason), content_of(value, kind):
        pass


@pytest.mark.parametrize(
    "value, kind, reason",
    [
        ("ID,x\r\na,1\r\n", "application/json", "the text is not application/json"),
        ("[1]\n[", "application/X-lines+json", "the text is not application/X-lines"),
        (b"ID,x\n", "application/geo+json", "the text is not application/geo"),
        ("plot.png", "image/png", "text cannot be image/png: pass bytes, or a Path"),
        (Path("a.svg"), "image/png", "the file is image/svg"),
        (Path("a.json"), "application/X-lines+json", "the file is application/json"),
        (Path("a.csv.gz"), "text/csv", "the file is application/gzip"),
        (Figure(), "text/html", "cannot be written as text/html: declare one of"),
        (plotly.graph_objects.Figure(), "image/png", "declare one of text/html"),
    ],
)
def test_nothing_is_stored_as_what_it_is_not(value, kind, reason):
    with pytest.raises(OutputError, match=reason):
        written(value, kind)


def test_names_of_a_type_may_differ(tmp_path):
    for name, kind in {
        "a.json": "application/geo+json",
        "a.xml": "image/svg+xml",
        "a.js": "application/javascript",
        "a.txt": "text/x-qasm",
        "a.csv": "text/plain",
        "a.unknown": "application/x-mine",
    }.items():
        (tmp_path / name).write_text("{}")
        assert written(tmp_path / name, kind)[1] == kind
    lines = '{"x": "\u2028"}\n\n[2]\n'
    assert written(lines, "application/X-lines+json")[0] == lines
    assert written(lines.encode(), "application/X-lines+json")[0] == lines.encode()


def test_a_table_in_another_form_than_declared_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("ID")
    with pytest.raises(OutputError, match=r"declare Output\(..., 'text/csv'\)"):
        written(path, "application/json")


def test_a_value_without_a_column_gets_one():
    text, _ = written([{"x": 1}, {"y": 'a\r\n"b", c'}, {"z": None, "x": 2}], "text/csv")
    assert list(csv.reader(StringIO(text, newline=""))) == [
        ["x", "y", "z"],
        ["1", "", ""],
        ["", 'a\r\n"b", c', ""],
        ["2", "", ""],
    ]
    assert written([{"x": 1, "y": 2}, {"x": 3}], "text/csv")[0].endswith('"3",""\r\n')


def test_a_long_table_that_gets_a_column_in_the_end():
    rows = [{"x": "a" * 100}] * 20_000 + [{"x": 1, "y": 2}]
    lines = written(rows, "text/csv")[0].splitlines()
    assert (lines[0], lines[-1], len(lines)) == ('"x","y"', '"1","2"', 20_002)
    assert set(lines[1:-1]) == {f'"{"a" * 100}",""'}


def test_figures_are_not_kept():
    figure, _ = pyplot.subplots()
    written(figure)
    assert not pyplot.fignum_exists(figure.number)


@pytest.mark.parametrize("error", [LookupError, TypeError, EntityError])
def test_an_error_in_the_authors_iterator_stays_what_it_is(error):
    def broken():
        yield {"x": 1}
        raise error("mine")

    with pytest.raises(error, match="^mine$"):
        written(broken())


def test_files_are_named_after_outputs():
    assert file_name("a", "text/plain; charset=utf-8") == "a.txt"
    assert file_name("a", "application/X-lines+json") == "a.jsonl"
    assert file_name("a", "application/octet-stream") == "a"
    assert file_name("a.csv", "text/csv") == "a.csv"
    assert file_name("a", "image/png") == "a.png"


@pytest.mark.parametrize("content_type", ["application/json", "text/csv", None])
def test_values_that_need_no_memory_are_read_from_their_beginning(content_type):
    """Beyond the size that is kept in memory, they are in a file, which the store reads."""
    rows = ({"ID": str(number), "x": "y" * 100} for number in range(20_000))
    with content_of(rows, content_type) as (file, _kind):
        file.seek(0)
        assert len(file.read()) > 2_000_000


@pytest.mark.parametrize("value", [3, [1, 2], True])
def test_what_is_no_table_is_not_taken_for_entities(value):
    with pytest.raises(OutputError, match="is not a table of entities"):
        with content_of(value, "application/json", are_entities=True):
            pass
