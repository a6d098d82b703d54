"""The benchmarks run; how fast they find the runner to be is nothing for a test."""

import json
import subprocess
import sys
import tomllib

import pytest
from helpers.product import CHECKOUT, outside_environment


def bench(*arguments):
    return subprocess.run(
        [CHECKOUT / "scripts" / "bench", *arguments],
        env=outside_environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_script_explains_itself():
    result = bench("--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert "usage: scripts/bench [OPTION ...] [NAME ...]" in result.stdout


def test_an_unknown_row_is_told_in_one_line():
    result = bench("unknown")
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert "'unknown'" in line


def test_only_rows_that_exist_have_goals():
    listed = {line.split()[0] for line in bench("--list").stdout.splitlines()}
    text = (CHECKOUT / "benchmarks" / "expected.toml").read_text("utf-8")
    goals = tomllib.loads(text)
    assert goals and set(goals) <= listed
    assert all(set(row) <= {"goal", "expected", "margin"} for row in goals.values())
    assert {row["goal"][:3] for row in goals.values()} == {">= ", "<= "}


@pytest.mark.parametrize(
    "names",
    [
        ("http-form", "http-file-1k", "http-api-spec-9"),
        ("entities-csv-arrays", "entities-jsonl-read", "entities-json-read"),
        ("growth-log",),
        ("task-one-prefork", "task-long-poll", "start-web-memory"),
    ],
)
def test_each_row_is_measured_beside_its_limit(names):
    result = bench("--quick", "--json", *names)
    assert result.returncode == 0, result.stdout + result.stderr
    rows = json.loads(result.stdout)
    assert {row["name"] for row in rows} == set(names)
    for row in rows:
        assert len(row["ours"]) == len(row["limit"]) == 1
        assert min(row["ours"] + row["limit"]) > 0


def test_the_table_has_a_line_for_each_row():
    result = bench("--quick", "entities-csv")
    assert result.returncode == 0, result.stdout + result.stderr
    header, *rows = result.stdout.splitlines()
    assert header.split()[:4] == ["row", "unit", "ours", "+-"]
    assert len(rows) == 6 and len({len(row) for row in (header, *rows)}) == 1


def test_what_a_load_needs_is_computed_from_what_a_task_costs():
    command = [sys.executable, "-m", "benchmarks.capacity", "--tasks", "4", "10", "1000"]
    result = subprocess.run(
        command, env=outside_environment(), cwd=CHECKOUT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    header, _line, *rows = result.stdout.splitlines()[1:]
    few, many = [dict(zip(header.split("|"), row.split("|"))) for row in rows]
    assert few.keys() == many.keys() and len(rows) == 2
    for name in (" web ", " worker ", " slots ", " commits "):
        assert 0 < int(few[name]) <= int(many[name])


def test_a_table_goes_through_the_plugins_and_each_step_is_measured():
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.million", "2000"],
        cwd=CHECKOUT,
        env=outside_environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr
    size, head, *steps = [line.split() for line in result.stdout.splitlines()]
    assert size[0] == "2,000" and head == ["seconds", "cpu", "web", "worker", "broker"]
    names = ["upload", "csv-import", "entity-select", "scale", "cluster"]
    assert [name for name, *_ in steps] == names
    assert all(float(row[3]) > 0 and float(row[4]) > 0 for row in steps)
