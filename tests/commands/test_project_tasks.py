"""Tasks of ``invoke`` that keep the project itself up to date."""

import os
import shutil
import stat
import subprocess
import sys

import pytest
from helpers.product import CHECKOUT, outside_environment


def test_update_source_doc_describes_the_modules_and_the_build_leaves_them_out(invoke):
    source = CHECKOUT / "docs" / "source"
    was_there = source.exists()
    try:
        result = invoke("update-source-doc")
        assert result.returncode == 0, result.stderr
        names = {path.stem for path in source.glob("*.rst")}
    finally:
        if not was_there:
            shutil.rmtree(source, ignore_errors=True)
    assert {"qhana_plugin_runner", "qhana_plugin_runner.storage", "modules"} <= names
    other = {name.split(".")[0] for name in names} - {"qhana_plugin_runner", "modules"}
    assert not other
    assert '"source"' in (CHECKOUT / "docs" / "conf.py").read_text("utf-8")


def test_update_dependencies_without_poetry_says_how_to_get_it(invoke, tmp_path):
    result = invoke("update-dependencies", PATH=str(tmp_path))
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: Poetry is missing: install it")


def test_update_dependencies_locks_then_exports(invoke, tmp_path):
    calls = tmp_path / "calls"
    poetry = tmp_path / "poetry"
    poetry.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n', "utf-8")
    poetry.chmod(poetry.stat().st_mode | stat.S_IXUSR)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    result = invoke("update-dependencies", PATH=path)
    assert result.returncode == 0, result.stderr
    lock, export = calls.read_text("utf-8").splitlines()
    assert lock == "lock --regenerate"
    assert export.startswith("export --format requirements.txt")
    assert export.endswith("--output docs/requirements.txt")


def test_update_dependencies_stops_when_poetry_fails(invoke, tmp_path):
    calls = tmp_path / "calls"
    poetry = tmp_path / "poetry"
    poetry.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexit 3\n', "utf-8")
    poetry.chmod(poetry.stat().st_mode | stat.S_IXUSR)
    assert invoke("update-dependencies", PATH=str(tmp_path)).returncode == 3
    assert len(calls.read_text("utf-8").splitlines()) == 1


def test_celery_monitor_starts_the_monitor_of_celery(invoke):
    # It draws on a terminal, which a test has not: Celery says so after it has been started.
    result = invoke("celery-monitor", TERM="dumb")
    assert "celery --app qhana_plugin_runner.celery_worker:CELERY events" in result.stdout
    assert result.returncode != 0
    assert "No such command" not in result.stderr


@pytest.mark.parametrize("action", ["events", "status", "purge", "inspect"])
def test_celery_knows_the_commands_that_the_tasks_call(action):
    result = subprocess.run(
        [sys.executable, "-m", "celery", action, "--help"],
        cwd=CHECKOUT,
        env=outside_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
