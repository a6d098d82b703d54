"""The option ``--qhana-plugin`` of pytest."""

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

from helpers.commands import in_a_process
from helpers.product import CHECKOUT, outside_environment

from qhana_plugin_runner.checks.findings import FINDINGS

PLUGIN = "qhana_plugin_runner.checks.pytest_plugin"


def run_pytest(folder, *arguments):
    # A checkout is not installed, so its entry point is not found there.
    named = [] if entry_points(group="pytest11", name="qhana") else ["-p", PLUGIN]
    command = [sys.executable, "-m", "pytest", *named, "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, "-W", "error", *arguments],
        cwd=folder,
        env=outside_environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    return result.returncode, result.stdout + result.stderr


def test_it_is_an_entry_point():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"qhana": PLUGIN}


def test_a_run_of_pytest_imports_nothing_else_because_of_it():
    new = in_a_process(f"""
        import sys, pytest, functools
        before = set(sys.modules)
        import {PLUGIN}
        print(*sorted(set(sys.modules) - before))
        """)
    assert {name.partition(".")[0] for name in new} == {"qhana_plugin_runner"}
    assert len(new) <= 5


def test_findings_are_failures_beside_the_tests_of_the_plugin(tmp_path):
    folder = tmp_path / "good"
    folder.mkdir()
    source = Path(__file__).with_name("good.py").read_text("utf-8")
    (folder / "__init__.py").write_text(source.replace("(QHAnaPluginBase)", ""))
    (folder / "test_good.py").write_text("def test_itself(): pass\n")
    (tmp_path / "test_other.py").write_text("def test_other(): assert False\n")
    status, output = run_pytest(tmp_path, "--qhana-plugin", "good")
    assert status == 1, output
    assert f"1 failed, {len(FINDINGS)} passed" in output
    assert "no-plugin: The module defines no plugin." in output


def test_a_path_that_is_not_there_is_named(tmp_path):
    status, output = run_pytest(tmp_path, "--qhana-plugin", "nowhere")
    assert (status, "there is no nowhere" in output) == (4, True)
