"""The map of the package in CONTRIBUTING.md is the one that import-linter holds."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from helpers.product import CHECKOUT

PACKAGE = "qhana_plugin_runner"
SETTINGS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
LAYERS, FORBIDDEN = SETTINGS["tool"]["importlinter"]["contracts"]
LEVELS = {
    name: level
    for level, names in enumerate(LAYERS["layers"])
    for name in names.split(" | ")
}

# What is no Python module, or knows them all.
BESIDE = {"__init__", "templates", "static"}


def rows():
    """Return the modules of each row of the table, and what they never know."""
    text = (CHECKOUT / "CONTRIBUTING.md").read_text("utf-8")
    table = text.partition("| package |")[2].partition("\n\n")[0]
    found = []
    for line in table.splitlines()[2:]:
        first, _purpose, never = line.strip("| ").split(" | ")
        names = [name.removesuffix("/") for name in re.findall("`([^`]+)`", first)]
        found.append(([name.removesuffix(".py") for name in names], never))
    return found


def test_the_table_names_each_package_once():
    named = [name for names, _never in rows() for name in names]
    assert sorted(named) == sorted(LEVELS.keys() | BESIDE)
    for name in named:
        path = CHECKOUT / PACKAGE / name
        assert path.is_dir() or path.with_suffix(".py").is_file()


def test_the_table_goes_from_top_to_bottom():
    levels = [
        [LEVELS[name] for name in names if name not in BESIDE] for names, _never in rows()
    ]
    for above, below in zip(levels, levels[1:]):
        assert max(above, default=0) <= min(below, default=len(LEVELS))


def test_what_the_table_says_of_celery_is_a_rule():
    for names, never in rows():
        if re.search("Celery(?! app)", never):
            modules = {f"{PACKAGE}.{name}" for name in names}
            assert modules <= set(FORBIDDEN["source_modules"])
            assert "celery" in FORBIDDEN["forbidden_modules"]


def test_the_places_to_extend_are_there():
    text = (CHECKOUT / "docs/explanation/extending.md").read_text("utf-8")
    paths = re.findall(r"`([a-z_/]+(?:/|\.py))`", text)
    assert len(paths) > 10
    for path in paths:
        root = CHECKOUT if path.startswith("tests/") else CHECKOUT / PACKAGE
        assert (root / path).exists(), path


@pytest.mark.parametrize(
    ("module", "table"),
    [
        ("util.config.settings", "SETTINGS"),
        ("operations.jobs", "JOBS"),
        ("cli", "COMMANDS"),
        ("operations.health.table", "CHECKS"),
        ("api.jwt", "SECURITY_SCHEMES"),
    ],
)
def test_the_tables_to_extend_are_there(module, table):
    text = (CHECKOUT / "docs/explanation/extending.md").read_text("utf-8")
    found = import_module(f"{PACKAGE}.{module}")
    assert f"`{Path(found.__file__).relative_to(CHECKOUT / PACKAGE).as_posix()}`" in text
    assert getattr(found, table)
