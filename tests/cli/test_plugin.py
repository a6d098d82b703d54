"""``flask plugin``, also ``qhana-plugin-runner plugin``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.product import CHECKOUT, outside_environment

from qhana_plugin_runner.__main__ import main
from qhana_plugin_runner.api.plugin_schemas import PluginType
from qhana_plugin_runner.cli.plugin import KINDS

CHECKS = "qhana_plugin_runner.checks.pytest_plugin"
PLUGINS = {
    "short-one": (),
    "short-steps": ("--multi-step", "--kind", "visualization"),
    "long-one": ("--long", "--kind", "dataloader"),
    "long-steps": ("--long", "--multi-step"),
}


LOUD = """
from qhana_plugin_runner.authoring import Task, plugin


@plugin(version="v1.0.0")
def loud(task: Task, fails: bool = False):
    print("LOUD")
    task.save("a", "1", data_type="custom/text")
    task.save("a", "2", data_type="custom/text")
    if fails:
        raise ValueError("that is why")
"""


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    """A folder with a new plugin of each form."""
    folder = tmp_path_factory.mktemp("new")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER", str(folder / "instance"))
        for name, options in PLUGINS.items():
            assert main(["plugin", "new", name, *options]) == 0
    return folder


@pytest.fixture
def run(new):
    """Run a program beside the new plugins, and return its status, output and errors."""

    def run(*command):
        result = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=new,
            env=outside_environment(PYTHONPATH=str(CHECKOUT), FLASK_SKIP_DOTENV="1"),
            capture_output=True,
            text=True,
            timeout=240,
        )
        return result.returncode, result.stdout, result.stderr

    return run


def test_a_new_plugin_has_module_test_requirements_and_readme(new, capsys):
    for name in PLUGINS:
        function = name.replace("-", "_")
        files = {each.name for each in (new / "plugins" / function).iterdir()}
        wanted = {"__init__.py", f"test_{function}.py", "requirements.txt", "README.md"}
        assert files == wanted
    module = (new / "plugins" / "long_one" / "__init__.py").read_text()
    assert "type=PluginType.dataloader," in module
    assert "class LongOne(QHAnaPluginBase):" in module


def test_tests_and_checks_of_new_plugins_pass_before_the_first_edit(run):
    status, output, errors = run(
        *("pytest", "-q", "-p", CHECKS, "-W", "error", "--qhana-plugin", "plugins")
    )
    assert status == 0, output + errors
    assert "passed" in output and "failed" not in output


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Camel", "in lower case"),
        ("../x", "in lower case"),
        ("json", "json is a word of Python"),
        ("class", "class is a word of Python"),
        ("short-one", "is there already"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(new, monkeypatch, capsys, name, reason):
    monkeypatch.chdir(new)
    monkeypatch.setenv("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER", str(new / "instance"))
    assert main(["plugin", "new", name]) > 0
    assert reason in capsys.readouterr().err


def test_what_is_made_can_be_read_by_programs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER", str(tmp_path / "instance"))
    assert main(["plugin", "new", "mine", "--folder", "here", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["folder"] == "here/mine" and "here/mine/README.md" in made["files"]
    assert all(Path(each).is_file() for each in made["files"])


def test_each_kind_of_plugin_can_be_made():
    assert KINDS == tuple(each.value for each in PluginType)


def test_help_is_there_without_the_libraries_of_an_app():
    code = "import sys, qhana_plugin_runner.cli.plugin; sys.exit('sqlalchemy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], env=outside_environment(), check=True)


def test_plugins_are_listed_with_state_folder_and_cause(run, new):
    broken = new / "plugins" / "broken.py"
    broken.write_text("import no_such_package\n")
    try:
        status, output, _ = run("qhana_plugin_runner", "plugin", "list", "--json")
        _, as_text, _ = run("flask", "--app", "qhana_plugin_runner", "plugin", "list")
    finally:
        broken.unlink()
    rows = {row["name"]: row for row in json.loads(output)}
    assert status == 0
    assert rows["long-one@v0-1-0"] == {
        "name": "long-one@v0-1-0",
        "version": "v0.1.0",
        "description": "Counts the words of a text.",
        "state": "served",
        "folder": str(new / "plugins" / "long_one"),
        "cause": "",
    }
    assert rows["broken.py"]["state"] == "failed"
    assert "no_such_package" in rows["broken.py"]["cause"]
    assert "served   short-one@v0-1-0  v0.1.0  /" in as_text
    assert "failed   broken.py  /" in as_text


def test_checks_tell_what_is_wrong_by_text_status_and_json(run, new, tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("NOTHING = 1\n")
    status, output, _ = run("qhana_plugin_runner", "plugin", "check", str(bad))
    assert status == 1
    assert output.splitlines()[0] == f"{bad}: no-plugin: The module defines no plugin."
    assert output.splitlines()[-1] == "1 checked, 1 findings"
    flask = ("flask", "--app", "qhana_plugin_runner")
    status, output, _ = run(*flask, "plugin", "check", "--json", str(bad))
    assert (status, json.loads(output)[0]["code"]) == (1, "no-plugin")


def test_a_plugin_is_run_with_its_steps(run, new, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("ID,x,y\n1,2,3\n2,3,4\n")
    out = tmp_path / "out"
    command = (
        "qhana_plugin_runner",
        "plugin",
        "run",
        "short-steps",
        f"entities=@{table}",
    )
    status, output, errors = run(
        *command, "then", "name=x", f"entities=@{table}", "--json", "-o", str(out)
    )
    assert status == 0, errors
    told = json.loads(output)
    assert (told["status"], told["step"]) == ("SUCCESS", None)
    assert [Path(each["path"]).parent for each in told["outputs"]] == [out]
    assert json.loads((out / "column.json").read_text())[1] == {"ID": "2", "x": "3"}
    status, output, errors = run(
        "qhana_plugin_runner", "plugin", "run", "long-one", "text="
    )
    assert status == 1
    assert "does not take the inputs" in errors and "Traceback" not in errors


def test_outputs_of_one_name_are_all_saved_and_json_is_printed_alone(run, new):
    loud = new / "plugins" / "loud.py"
    loud.write_text(LOUD)
    command = ("qhana_plugin_runner", "plugin", "run", "loud", "--json")
    try:
        status, output, errors = run(*command)
        failed, told, why = run(*command, "fails=true", "-o", "other")
    finally:
        loud.unlink()
    assert (status, "LOUD" in errors) == (0, True), errors
    paths = [Path(each["path"]) for each in json.loads(output)["outputs"]]
    assert [each.parent for each in paths] == [Path("outputs")] * 2
    assert [(new / each).read_text() for each in paths] == ["1", "2"]
    assert (failed, json.loads(told)["status"]) == (1, "FAILURE")
    assert "that is why" in json.loads(told)["log"] and "that is why" in why
