"""The scripts: what they say, what they call, and with which Python."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.product import CHECKOUT, outside_environment


def script(name, *arguments, path=None, cwd=CHECKOUT):
    environment = outside_environment()
    environment["PATH"] = path or environment["PATH"]
    return subprocess.run(
        [CHECKOUT / "scripts" / name, *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", ["run", "test", "check"])
def test_the_scripts_explain_themselves(name, tmp_path):
    result = script(name, "--help", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"usage: scripts/{name}" in result.stdout
    assert "set -" not in result.stdout


def test_the_help_of_the_script_names_all_options():
    command = [sys.executable, "-m", "qhana_plugin_runner", "run", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT)
    assert "--concurrency" in shown.stdout
    listed = set(re.findall(r"--[a-z]+", script("run", "--help").stdout))
    assert listed >= set(re.findall(r"--[a-z]+", shown.stdout)) - {"--help"}


def test_the_script_works_from_any_folder(tmp_path):
    (tmp_path / "here").touch()
    result = script("run", "--port", "0", "--instance", "here", cwd=tmp_path)
    assert str(tmp_path / "here") in result.stderr


def old_python(folder, name="python3"):
    """Make a Python that is too old, in a folder with just the tools of the scripts."""
    folder.mkdir()
    for tool in ("sh", "sed", "dirname"):
        (folder / tool).symlink_to(shutil.which(tool))
    (folder / name).write_text("#!/bin/sh\nexit 1\n")
    (folder / name).chmod(0o755)
    return folder


def test_without_a_python_that_is_new_enough_one_line_says_so(tmp_path):
    result = script("run", path=str(old_python(tmp_path / "bin")))
    assert result.returncode == 1
    expected = "no Python 3.11 or newer on PATH: install one, then try again\n"
    assert result.stderr == expected


def test_a_newer_python_beside_an_old_one_is_found(tmp_path):
    folder = old_python(tmp_path / "bin")
    os.symlink(sys.executable, folder / "python3.13")
    result = script("run", "--port", "wrong", path=str(folder))
    assert "Invalid value for '--port'" in result.stderr


@pytest.fixture
def copy(tmp_path):
    """A copy of the scripts with a Python that only says what it is called with.

    Modules that are named in the file "failing" fail.
    """
    root = tmp_path / "a checkout"
    shutil.copytree(CHECKOUT / "scripts", root / "scripts")
    shutil.copytree(CHECKOUT / ".ci", root / ".ci")
    python = root / "python"
    (root / "scripts" / "environment").write_text(f"print({str(python)!r})")
    python.write_text('#!/bin/sh\necho "called: $*"\n! grep -qx "${2:-$1}" failing\n')
    python.chmod(0o755)
    imports = root / "lint-imports"
    imports.write_text(
        '#!/bin/sh\necho "called: -m imports"\n! grep -qx imports failing\n'
    )
    imports.chmod(0o755)
    (root / "failing").touch()
    return root


def call(program: Path, *arguments):
    return subprocess.run(
        [program, *arguments], cwd="/", capture_output=True, text=True, timeout=60
    )


CHECKS = ["flake8", "black", "isort", "mypy", "imports", "licenses", "sphinx"]


def called(result):
    return re.findall("called: (?:-m|scripts)[ /]([a-z0-9]+)", result.stdout)


def test_the_checks_run_to_their_ends_and_those_that_failed_are_named(copy):
    result = call(copy / "scripts" / "check")
    assert called(result) == CHECKS
    assert (result.returncode, result.stderr) == (0, "")
    (copy / "failing").write_text("flake8\nmypy\n")
    result = call(copy / "scripts" / "check")
    assert called(result) == CHECKS
    assert (result.returncode, result.stderr) == (1, "failed: flake8 mypy\n")


def test_single_checks_can_be_named(copy):
    result = call(copy / "scripts" / "check", "mypy", "docs")
    assert (called(result), result.returncode) == (["mypy", "sphinx"], 0)
    result = call(copy / "scripts" / "check", "mypi")
    assert (called(result), result.returncode) == ([], 2)
    assert "there is no step 'mypi'" in result.stderr


def test_the_arguments_of_the_test_script_go_to_pytest(copy):
    result = call(copy / "scripts" / "test", "-k", "port and free", "tests/launcher")
    assert result.stdout == "called: -m pytest -k port and free tests/launcher\n"
    (copy / "failing").write_text("pytest\n")
    assert call(copy / "scripts" / "test").returncode == 1


@pytest.mark.parametrize("failing", ["", "isort", "imports", "pytest"])
def test_the_continuous_integration_runs_everything_whatever_fails(copy, failing):
    (copy / "failing").write_text(f"{failing}\n")
    result = call(copy / ".ci" / "run")
    # What the checks have said comes last. A test builds the documentation.
    assert called(result) == ["pytest", *CHECKS[:-1]]
    assert result.returncode == (1 if failing else 0)
