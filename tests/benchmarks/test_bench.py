"""The benchmarks run; how fast they find the runner to be is nothing for a test."""

import subprocess
from importlib.util import find_spec

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
    assert "usage: scripts/bench NAME" in result.stdout


@pytest.mark.parametrize("name", ["unknown", "", "../tasks"])
def test_an_unknown_name_is_told_in_one_line(name):
    result = bench(name)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert f"'{name}'" in line


def test_reading_and_writing_entities_is_measured_in_each_format():
    result = bench("entities", "--quick")
    assert result.returncode == 0, result.stdout + result.stderr
    header, *rows, verdict = result.stdout.splitlines()
    assert header.split()[:3] == ["format", "direction", "rows"]
    for kind in ("csv", "jsonl", "json"):
        for direction in ("write", "read", "read gzip"):
            matching = [r for r in rows if r.startswith(f"{kind:8}{direction:11}")]
            assert len(matching) == 2, (kind, direction)
    assert len({len(row) for row in (header, *rows)}) == 1
    assert verdict.startswith("memory does not grow with rows")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_requests_are_measured_with_few_and_with_many_tasks(database):
    result = bench("task_list", "--quick", "--database", database)
    assert result.returncode == 0, result.stdout + result.stderr
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["request", "100", "tasks", "2000", "tasks", "ratio"]
    assert len(rows) == 7
    assert len({len(row) for row in (header, *rows)}) == 1
    assert all(float(row.split()[-1]) > 0 for row in rows)


def test_tasks_are_measured_in_each_pool():
    result = bench("pools", "--quick")
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    first, second, *third = lines[lines.index("2 tasks, 2 at a time") + 2 :]
    assert first.startswith("prefork") and second.startswith("threads")
    assert len(third) == (find_spec("gevent") is not None)
    assert all(float(row.split()[-1]) > 0 for row in (first, second, *third))
