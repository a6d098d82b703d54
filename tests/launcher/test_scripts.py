"""The scripts: what they say, what they call, and with which Python."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest
from helpers.product import CHECKOUT, outside_environment
from helpers.wheels import build_wheel
from packaging.requirements import Requirement


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


@pytest.mark.parametrize("name", ["run", "test", "check", "lowest"])
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


def call(program: Path | str, *arguments, **variables):
    return subprocess.run(
        [program, *arguments],
        env=outside_environment(**variables),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("arguments", "groups", "passed"),
    [
        ("", "main", ""),
        ("--port 5006", "main", "--port 5006"),
        ("--plugins learning", "main learning", ""),
        ("--plugins=learning --debug", "main learning", "--debug"),
        ("--port 0 --plugins learning,quantum", "main learning quantum", "--port 0"),
        ("--plugins learning --plugins=quantum", "main learning quantum", ""),
        ("--plugins= --debug", "main", "--debug"),
        ("--instance next --plugins:x", "main", "--instance next --plugins:x"),
    ],
)
def test_sets_of_plugins_are_for_the_environment_and_the_rest_for_the_program(
    copy, arguments, groups, passed
):
    environment = copy / "scripts" / "environment"
    told = "import sys\nprint('for', *sys.argv[1:], file=sys.stderr)\n"
    environment.write_text(told + environment.read_text())
    result = call(copy / "scripts" / "run", *arguments.split())
    assert result.stderr.splitlines()[0] == f"for {groups}"
    program = "called: -P -m qhana_plugin_runner run".split()
    assert result.stdout.split() == [*program, *passed.split()]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--plugins"], "--plugins needs a value, such as learning,quantum"),
        (["--plugins", "--debug"], "there is no set of plugins '--debug'"),
        (
            ["--plugins=quantum,lerning"],
            "there is no set of plugins 'lerning': there are",
        ),
        (["--plugins", "docs"], "there is no set of plugins 'docs'"),
        (["--plugins", "*"], "there is no set of plugins '*'"),
    ],
)
def test_what_is_no_set_of_plugins_is_refused(copy, arguments, error):
    result = call(copy / "scripts" / "run", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {error}")


def test_the_script_knows_all_sets_of_plugins(copy):
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    every = ",".join(project["optional-dependencies"])
    result = call(copy / "scripts" / "run", "--plugins", every)
    assert "error" not in result.stderr and "called:" in result.stdout


def test_another_python_has_an_environment_of_its_own(copy):
    shutil.copy(CHECKOUT / "scripts" / "environment", copy / "scripts")
    (copy / "pyproject.toml").write_text(
        "[project]\noptional-dependencies = {}\n"
        "[dependency-groups]\nlearning = []\nquantum = []\ntest = []\ndocs = []\n"
    )
    (copy / "poetry.lock").write_text("package = []\n")
    told = copy / "scripts" / "test"
    told.write_text(told.read_text().replace("exec ", "echo "))
    name = ".venv-{}.{}".format(*sys.version_info)
    other = call(told, PYTHON=sys.executable)
    assert other.stdout.startswith(f"{copy / name / 'quantum'}"), other.stderr
    assert call(told).stdout.startswith(f"{copy / '.venv' / 'quantum'}")


@pytest.fixture(scope="module")
def environment():
    """The script that makes the environment, as a module."""
    loader = SourceFileLoader("environment", str(CHECKOUT / "scripts" / "environment"))
    module = ModuleType(loader.name)
    module.__file__ = loader.path
    loader.exec_module(module)
    return module


def test_an_unknown_group_is_refused_and_the_known_ones_are_named():
    result = script("environment", "main", "lerning")
    assert (result.returncode, result.stdout) == (2, "")
    assert "there is no group 'lerning': there are main test" in result.stderr
    assert result.stderr.endswith("learning quantum\n")


def test_extras_bring_what_they_need_and_nothing_else(environment):
    def packages(*names):
        lines = environment.requirements(environment.chosen_groups(names))
        wanted = [Requirement(line.partition(" --hash=")[0]) for line in lines]
        return {each.name for each in wanted if not each.marker or each.marker.evaluate()}

    light = packages()
    assert "flask" in light
    assert not light & {"numpy", "scikit-learn", "qiskit"}
    learning, quantum = packages("learning"), packages("main", "quantum")
    assert light < learning and light < quantum
    assert "plotly" in learning - quantum and "qiskit" in quantum - learning
    assert {"numpy", "scikit-learn"} <= learning & quantum
    assert packages("learning", "quantum") == learning | quantum
    # A package that a group of developers needs, too.
    assert "numpy" in packages("test") and "qiskit" not in packages("main", "test")


def test_packages_of_quantum_lie_on_top_of_the_others(environment, tmp_path):
    base = environment.Environment(tmp_path)
    top = environment.Environment(tmp_path / "quantum", on_top_of=base)
    for name, place in (("below", base), ("beyond", top)):
        venv.create(place.folder, symlinks=True)
        place.make_importable()
        (place.site_packages() / f"{name}.py").touch()

    def imports(place, *names):
        code = "".join(f"import {name}; " for name in names)
        command = [place.python, "-c", code]
        return subprocess.run(command, capture_output=True, cwd="/").returncode == 0

    assert imports(top, "below", "beyond", "qhana_plugin_runner")
    assert imports(base, "below", "qhana_plugin_runner")
    assert not imports(base, "beyond")


def test_where_uv_cannot_be_had_pip_installs(environment, tmp_path, monkeypatch, capfd):
    wheel = build_wheel(tmp_path, "small", "1.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with_pip = environment.Environment(Path(sys.prefix))
    place = environment.Environment(tmp_path / "place", on_top_of=with_pip)
    venv.create(place.folder, symlinks=True)
    wanted = [f"small==1.0 --hash=sha256:{sha256(wheel.read_bytes()).hexdigest()}"]

    place.hold(wanted)
    said = capfd.readouterr().err
    assert "uv could not, so pip does: ERROR: No matching distribution" in said
    code = "import small; print(small.__cached__)"
    shown = call(place.python, "-B", "-c", code)
    assert Path(shown.stdout.strip()).is_file(), shown.stderr
    place.hold(wanted)
    assert capfd.readouterr().err == ""


def test_uv_asks_the_indexes_that_pip_is_set_up_for(environment, tmp_path):
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://file.test/simple\ncert = /certs/all.pem\n"
        "extra-index-url =\n    https://one.test\n    https://two.test\n"
    )
    variables = {"PIP_CONFIG_FILE": str(file), "PIP_CERT": "/certs/mine.pem"}
    listed = call(sys.executable, "-m", "pip", "config", "list", **variables)
    expected = {
        "UV_DEFAULT_INDEX": "https://file.test/simple",
        "UV_INDEX": "https://one.test https://two.test",
        "SSL_CERT_FILE": "/certs/mine.pem",
    }
    assert environment.variables_for_uv(listed.stdout).items() >= expected.items()


CHECKS = ["ruff", "ruff", "mypy", "imports", "licenses", "sphinx"]


def called(result):
    return re.findall("called: (?:-m|scripts)[ /]([a-z0-9]+)", result.stdout)


def test_the_checks_run_to_their_ends_and_those_that_failed_are_named(copy):
    result = call(copy / "scripts" / "check")
    assert called(result) == CHECKS
    assert (result.returncode, result.stderr) == (0, "")
    (copy / "failing").write_text("ruff\nmypy\n")
    result = call(copy / "scripts" / "check")
    assert called(result) == CHECKS
    assert (result.returncode, result.stderr) == (1, "failed: ruff mypy\n")


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


@pytest.mark.parametrize("failing", ["", "ruff", "imports", "pytest"])
def test_the_continuous_integration_runs_everything_whatever_fails(copy, failing):
    (copy / "failing").write_text(f"{failing}\n")
    result = call(copy / ".ci" / "run")
    # What the checks have said comes last. A test builds the documentation. Tests that fail get a
    # second chance.
    tests = ["pytest"] * (2 if failing == "pytest" else 1)
    assert called(result) == [*tests, *CHECKS[:-1]]
    assert result.returncode == (1 if failing else 0)
