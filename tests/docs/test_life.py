"""The way of one task, as ``docs/explanation/life.md`` tells it, leads through code that is there."""

import re
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "life.md"
STEPS = re.findall(r"^\| (\d+) \| \w+ \| `([\w.]+):([\w.]+)` \|", PAGE.read_text(), re.M)


def test_the_way_is_short():
    assert [int(number) for number, _, _ in STEPS] == list(range(1, len(STEPS) + 1))
    assert 20 < len(STEPS) <= 30


@pytest.mark.parametrize("module, name", [step[1:] for step in STEPS], ids=": ".join)
def test_each_step_names_a_function(module, name):
    assert callable(attrgetter(name)(import_module(f"qhana_plugin_runner.{module}")))
