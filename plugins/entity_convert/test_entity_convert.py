"""Tests of the plugin entity-convert."""

import io
import json
import sys
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from marshmallow import ValidationError
from pyarrow import parquet

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.testing.running import TaskFailed

from . import entity_convert

READ = {
    "CSV": pd.read_csv,
    "JSON": pd.read_json,
    "JSON lines": lambda file: pd.read_json(file, lines=True),
    "Parquet": pd.read_parquet,
}

METADATA = [
    {"ID": name, "type": "double"}
    for name in ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
] + [{"ID": "year", "type": "integer"}]


def files(penguins):
    """Return the penguins in each format, as pandas writes it."""
    parquet = io.BytesIO()
    penguins.to_parquet(parquet)
    return {
        "penguins.csv": penguins.to_csv(index=False),
        "penguins.json": penguins.to_json(orient="records"),
        "penguins.jsonl": penguins.to_json(orient="records", lines=True),
        "penguins.parquet": parquet.getvalue(),
    }


@pytest.mark.parametrize("to", READ)
@pytest.mark.parametrize("name", ["csv", "json", "jsonl", "parquet"])
def test_each_format_becomes_each(penguins, run_plugin, fake_data_server, name, to):
    name = f"penguins.{name}"
    url = fake_data_server.put(files(penguins)[name], name)
    task = run_plugin(
        "entity-convert",
        entities=url,
        to=to,
        metadata=fake_data_server.put(METADATA, "metadata.json"),
    )
    (output,) = task.outputs
    rows = READ[to](io.BytesIO(output.content)).replace("", float("nan"))
    pd.testing.assert_frame_equal(rows, penguins, check_dtype=False)
    assert rows["year"].dtype.kind == "i" and rows["body_mass_g"].dtype.kind == "f"


def test_types_are_not_guessed(run_plugin, fake_data_server):
    url = fake_data_server.put("ID,zip\n1,01234\n2,\n", "zip.csv")
    task = run_plugin("entity-convert", entities=url, to="JSON")
    assert task.outputs["entities.json"].json() == [
        {"ID": "1", "zip": "01234"},
        {"ID": "2", "zip": ""},
    ]
    task = run_plugin("entity-convert", entities=url, to="Parquet")
    rows = pd.read_parquet(io.BytesIO(task.outputs["entities.parquet"].content))
    assert rows.to_dict("records") == [
        {"ID": "1", "zip": "01234"},
        {"ID": "2", "zip": ""},
    ]


ODD = [
    {"ID": 1, "tags": ["b", "a"], "size": 2, "in": {"x": 1}, "ok": True},
    {"ID": "b", "tags": [], "size": 2.5, "new": 2**70},
]


def converted(rows, to, metadata=None):
    (returned,) = entity_convert(Task(), rows, to, metadata).values()
    return returned if to == "Parquet" else list(returned)


def test_odd_values_of_json(run_plugin, fake_data_server):
    task = run_plugin(
        "entity-convert",
        entities=fake_data_server.put(json.dumps(ODD), "odd.json"),
        to="CSV",
    )
    assert task.outputs["entities.csv"].entities() == [
        {
            "ID": "1",
            "tags": '["b", "a"]',
            "size": "2",
            "in": '{"x": 1}',
            "ok": "True",
            "new": "",
        },
        {"ID": "b", "tags": "[]", "size": "2.5", "in": "", "ok": "", "new": str(2**70)},
    ]
    task = Task()
    path = entity_convert(task, ODD, "Parquet")["entities.parquet"]
    frame = pd.read_parquet(path)
    assert list(frame["size"]) == [2.0, 2.5] and list(frame["ID"]) == ["1", "b"]
    assert list(frame["tags"]) == ['["b", "a"]', "[]"] and frame["ok"][0] is True
    assert frame["new"][1] == str(2**70)


def test_several_values_go_by_the_metadata():
    metadata = [
        {"ID": "tags", "type": "string", "multiple": True, "separator": "|"},
        {"ID": "sizes", "type": "integer", "multiple": True, "ordered": True},
    ]
    (row,) = converted([{"ID": "1", "tags": "b|a", "sizes": "3;2"}], "JSON", metadata)
    assert row == {"ID": "1", "tags": ["a", "b"], "sizes": [3, 2]}
    (row,) = converted([row], "CSV", metadata)
    assert row == {"ID": "1", "tags": "a|b", "sizes": "3;2"}


def test_dates_of_parquet_are_texts(run_plugin, fake_data_server):
    frame = pd.DataFrame({"ID": [1], "day": [pd.Timestamp("2024-02-29 12:00").date()]})
    frame["at"] = [pd.Timestamp("2024-02-29 12:00", tz="UTC")]
    file = io.BytesIO()
    frame.to_parquet(file)
    url = fake_data_server.put(file.getvalue(), "dates.parquet")
    task = run_plugin("entity-convert", entities=url, to="JSON lines")
    assert task.outputs["entities.jsonl"].entities() == [
        {"ID": 1, "day": "2024-02-29", "at": "2024-02-29T12:00:00+00:00"}
    ]


@pytest.mark.parametrize(
    ("values", "type_", "read"),
    [
        ([Decimal("12345678901234567890")], pa.decimal128(38, 0), [12345678901234567890]),
        (
            [Decimal("19.99"), Decimal("1234567890123456789.01")],
            pa.decimal128(38, 2),
            [19.99, "1234567890123456789.01"],
        ),
        ([b"\x00\xff", None], pa.binary(), ["00ff", None]),
        ([timedelta(days=1, milliseconds=5)], pa.duration("ms"), [86400.005]),
        ([10**18 + 1], pa.timestamp("ns"), ["2001-09-09T01:46:40.000000001"]),
        ([[date(2025, 1, 1)]], pa.list_(pa.date32()), [["2025-01-01"]]),
        (
            [{"x": Decimal("1.5"), "y": b"z"}],
            pa.struct({"x": pa.decimal128(5, 1), "y": pa.binary()}),
            [{"x": 1.5, "y": "7a"}],
        ),
    ],
)
@pytest.mark.parametrize("to", ["JSON", "CSV", "Parquet"])
def test_other_types_of_parquet(
    run_plugin, fake_data_server, monkeypatch, values, type_, read, to
):
    file = io.BytesIO()
    parquet.write_table(pa.table({"x": pa.array(values, type_)}), file)
    url = fake_data_server.put(file.getvalue(), "odd.parquet")
    monkeypatch.setitem(sys.modules, "pandas", None)  # the extras have none
    (output,) = run_plugin("entity-convert", entities=url, to=to).outputs
    if to == "JSON":
        assert [row["x"] for row in output.json()] == read
        return
    texts = [json.dumps(x) if isinstance(x, (list, dict)) else x for x in read]
    found = [row["x"] for row in output.entities()]
    assert ["" if x is None else str(x) for x in found] == [
        "" if x is None else str(x) for x in texts
    ]


def test_columns_of_parquet_with_the_same_name(run_plugin, fake_data_server):
    file = io.BytesIO()
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["size", "size"])
    parquet.write_table(table, file)
    url = fake_data_server.put(file.getvalue(), "twice.parquet")
    with pytest.raises(TaskFailed, match="several columns 'size': rename them"):
        run_plugin("entity-convert", entities=url)


def test_long_integers_among_floats_keep_their_digits():
    task = Task()
    rows = [{"x": 2**60 + 1, "y": 3}, {"x": 1.5, "y": 1.5}]
    path = entity_convert(task, rows, "Parquet")["entities.parquet"]
    assert parquet.read_table(path).to_pydict() == {
        "x": [str(2**60 + 1), "1.5"],
        "y": [3.0, 1.5],
    }


def test_slips(run_plugin, fake_data_server):
    broken = fake_data_server.put(b"PAR1 no more", "broken.parquet")
    with pytest.raises(
        TaskFailed, match="The Parquet file is broken: .* The file is 'http"
    ):
        run_plugin("entity-convert", entities=broken)
    url = fake_data_server.put("ID,size\na,big\n", "big.csv")
    types = fake_data_server.put([{"ID": "size", "type": "integer"}], "types.json")
    with pytest.raises(
        TaskFailed, match="Attribute 'size' .* cannot have the value 'big'"
    ):
        run_plugin("entity-convert", entities=url, to="JSON", metadata=types)


def test_without_pyarrow_the_message_names_the_command(
    run_plugin, fake_data_server, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # so an import of it fails
    url = fake_data_server.put(b"", "x.parquet")
    with pytest.raises(TaskFailed, match="`qhana-plugin-runner plugin install learning`"):
        run_plugin("entity-convert", entities=url)
    monkeypatch.setitem(entity_convert.fn.__globals__, "find_spec", lambda name: None)
    with pytest.raises(
        ValidationError, match="pyarrow >=20, which is not installed here: `qh"
    ):
        entity_convert.schema().fields["to"].deserialize("Parquet")
