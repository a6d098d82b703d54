"""What is said once for all processes of a start."""

import pytest
from helpers.commands import in_a_process

from qhana_plugin_runner.util.said import SAID_VARIABLE, is_said_first

ASK = """
from qhana_plugin_runner.util.said import is_said_first
print(is_said_first("broken: \\ud800"), is_said_first("other"))
"""


def test_each_text_is_said_by_one_process(tmp_path, monkeypatch):
    file = str(tmp_path / "said")
    monkeypatch.setenv(SAID_VARIABLE, file)
    assert is_said_first("broken: \ud800")
    assert not is_said_first("broken: \ud800")
    assert in_a_process(ASK, **{SAID_VARIABLE: file}) == ["False", "True"]
    assert not is_said_first("other")


@pytest.mark.parametrize("variable", [None, "gone/said"])
def test_everything_is_said_when_nobody_keeps_count(tmp_path, monkeypatch, variable):
    monkeypatch.delenv(SAID_VARIABLE, raising=False)
    if variable:
        monkeypatch.setenv(SAID_VARIABLE, str(tmp_path / variable))
    assert is_said_first("broken")
    assert is_said_first("broken")
