import pytest, datetime, decimal, resource, time
import pyarrow as pa
from pyarrow import parquet
from qhana_plugin_runner.testing.fixtures import app, fake_data_server, plugin_folders, run_plugin  # noqa
D = decimal.Decimal
CASES = {
 "decimal": {"ID": ["a"], "v": pa.array([D("12345678901234567890")], pa.decimal128(38, 0))},
 "decimal2": {"ID": ["a"], "v": pa.array([D("1234567890123456789.01")], pa.decimal128(38, 2))},
 "decimal3": {"ID": ["a"], "v": pa.array([D("19.99")], pa.decimal128(38, 2))},
 "bytes": {"ID": ["a"], "v": [b"\x00\xff"]},
 "duration": {"ID": ["a"], "v": [datetime.timedelta(seconds=5)]},
 "ns": {"ID": ["a"], "v": pa.array([1234567890123456789], pa.timestamp("ns"))},
 "tz": {"ID": ["a"], "v": pa.array([1234567890123], pa.timestamp("ms", tz="Europe/Berlin"))},
 "nested": {"ID": ["a"], "v": [[datetime.date(2025,1,1)]]},
 "nesteddec": {"ID": ["a"], "v": [{"x": D("1.5"), "y": b"x"}]},
 "map": {"ID": ["a"], "v": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))},
 "dict": {"ID": ["a"], "v": pa.array(["x"]).dictionary_encode()},
 "u64": {"ID": ["a"], "v": pa.array([2**64-1], pa.uint64())},
 "nan": {"ID": ["a"], "v": [float("nan")]},
 "inf": {"ID": ["a"], "v": [float("inf")]},
 "null": {"ID": ["a"], "v": pa.nulls(1)},
}
@pytest.mark.parametrize("to", ["CSV", "JSON", "Parquet"])
@pytest.mark.parametrize("name", CASES)
def test_it(run_plugin, tmp_path, name, to):
    p = tmp_path / "t.parquet"
    parquet.write_table(pa.table(CASES[name]), p)
    print("=====", name, to)
    try:
        task = run_plugin("entity-convert", entities=p, to=to)
    except Exception as e:
        print("FAILED", str(e)[:500]); return
    o = next(iter(task.outputs))
    print(repr(o.text[:300]) if to != "Parquet" else "ok")
def test_dup(run_plugin, tmp_path):
    p = tmp_path / "t.parquet"
    parquet.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), p)
    task = run_plugin("entity-convert", entities=p, to="CSV")
    print(next(iter(task.outputs)).text, task.log)
def test_mix(run_plugin, tmp_path):
    (tmp_path/"a.json").write_text('[{"ID":"a","v":1234567890123456789},{"ID":"b","v":1.5},{"ID":"c","v":true}]')
    task = run_plugin("entity-convert", entities=tmp_path/"a.json", to="Parquet")
    print(next(iter(task.outputs)).entities())
    (tmp_path/"a.json").write_text('[{"ID":"a","v":1234567890123456789},{"ID":"b","v":1.5}]')
    task = run_plugin("entity-convert", entities=tmp_path/"a.json", to="Parquet")
    print(next(iter(task.outputs)).entities())
def test_bomb(run_plugin, tmp_path):
    p = tmp_path / "t.parquet"
    d = pa.DictionaryArray.from_arrays(pa.array([0]*2000, pa.int32()), pa.array(["x"*500_000]))
    parquet.write_table(pa.table({"ID": [str(n) for n in range(2000)], "v": d}), p)
    print("size", p.stat().st_size)
    from qhana_plugin_runner.plugin_utils._entity_parquet import read_parquet
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with p.open("rb") as f:
        n = sum(1 for _ in read_parquet(f))
    print(n, "MB more:", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)/1024)
