"""Bytecode of the runner and of plugins, where Python may not write beside the source."""

import subprocess
import sys

from helpers.product import CHECKOUT, outside_environment

from qhana_plugin_runner.util.bytecode import BYTECODE_VARIABLE, bytecode_variables

PROGRAM = """
import sys
from pathlib import Path
from qhana_plugin_runner.plugins.modules import find_modules, import_module
(source,) = find_modules([sys.argv[1]])
print(import_module(source).VALUE, sys.dont_write_bytecode, sys.pycache_prefix)
"""


def load(plugins, **variables):
    command = [sys.executable, "-B", "-c", PROGRAM, str(plugins)]
    environment = outside_environment(PYTHONPATH=str(CHECKOUT), **variables)
    return subprocess.check_output(command, env=environment, text=True).split()


def test_it_is_kept_in_the_folder_and_used_until_the_source_changes(tmp_path):
    plugin, kept = tmp_path / "plugins" / "kept", tmp_path / "bytecode"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").write_text("from .part import VALUE\n")
    (plugin / "part.py").write_text("VALUE = 1\n")
    variables = {BYTECODE_VARIABLE: str(kept)}
    assert load(plugin.parent, **variables) == ["1", "True", "None"]
    assert not list(plugin.rglob("*.pyc"))
    names = {file.name.partition(".")[0] for file in kept.rglob("*.pyc")}
    assert {"part", "__init__", "modules", "celery"} <= names
    assert not [file for file in kept.rglob("*.pyc") if "site-packages" in file.parts]
    (part,) = kept.rglob("part.*.pyc")
    before = part.stat().st_mtime_ns
    assert load(plugin.parent, **variables)[0] == "1"
    assert part.stat().st_mtime_ns == before
    (plugin / "part.py").write_text("VALUE = 12\n")
    assert load(plugin.parent, **variables)[0] == "12"


def test_it_is_kept_only_where_python_does_not_do_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert bytecode_variables(tmp_path, [str(tmp_path)]) == {}
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    expected = {BYTECODE_VARIABLE: str(tmp_path / "bytecode")}
    assert bytecode_variables(tmp_path, []) == expected
