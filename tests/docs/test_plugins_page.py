"""The page of the plugins that come with the runner names them all, with their sets and outputs."""

import re
from pathlib import Path

import pytest
from helpers.markdown import DOCS
from helpers.plugins import isolated_plugins
from helpers.product import CHECKOUT

from qhana_plugin_runner.plugins.loading import file_of_module
from qhana_plugin_runner.testing.running import plugin_app, running

SETS = ("Light", "Learning", "Quantum")


def rows():
    """Return the name of each plugin on the page, with its set and what it gives."""
    found = {}
    text = (DOCS / "reference" / "plugins.md").read_text("utf-8")
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        for name, gives in re.findall(
            r"^\| `([\w-]+)` \|.*\| ([^|]*) \|$", section, re.M
        ):
            assert name not in found, f"{name} has two rows"
            found[name] = (section.split("\n")[0], gives)
    return found


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The metadata of each plugin in ``plugins/``; nothing for one without endpoints."""
    with (
        isolated_plugins(tmp_path_factory.mktemp("shipped")),
        plugin_app([CHECKOUT / "plugins"]) as app,
        running(app) as runs,
    ):
        loaded = app.extensions["qhana_plugins"]
        failures = [each for each in loaded.failures if is_ours(each.file)]
        assert all(each.is_note for each in failures), failures
        found = {each.name.partition("@")[0]: None for each in failures}
        return found | {
            each.name: runs.metadata(each)
            for each in loaded.mounted.values()
            if is_ours(file_of_module(type(each).__module__))
        }


def is_ours(file):
    """Whether it is no plugin that another test has left in this process."""
    return Path(file).is_relative_to(CHECKOUT / "plugins")


def tags(data):
    return data["tags"] if data else []


def test_each_plugin_has_a_row_in_its_set(shipped):
    sets = {
        name: next((each for each in SETS[1:] if each.lower() in tags(data)), "Light")
        for name, data in shipped.items()
    }
    assert {name: section for name, (section, _) in rows().items()} == sets


def test_the_rows_name_the_data_types_of_the_outputs(shipped):
    for name, (_, gives) in rows().items():
        outputs = shipped[name]["entryPoint"]["dataOutput"] if shipped[name] else []
        types = {each["dataType"] for each in outputs} - {"*"}
        assert types <= set(re.findall(r"`([^`]+)`", gives)), name
