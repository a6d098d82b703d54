"""Log lines that one process of a start writes for all."""

import pytest
from helpers.commands import in_a_process

from qhana_plugin_runner.util.log_once import LOG_ONCE_VARIABLE, is_first_to_log

ASK = """
from qhana_plugin_runner.util.log_once import is_first_to_log
print(is_first_to_log("broken: \\ud800"), is_first_to_log("other"))
"""


def test_each_line_is_logged_by_one_process(tmp_path, monkeypatch):
    file = str(tmp_path / "logged")
    monkeypatch.setenv(LOG_ONCE_VARIABLE, file)
    assert is_first_to_log("broken: \ud800")
    assert not is_first_to_log("broken: \ud800")
    assert in_a_process(ASK, **{LOG_ONCE_VARIABLE: file}) == ["False", "True"]
    assert not is_first_to_log("other")


@pytest.mark.parametrize("variable", [None, "gone/logged"])
def test_everything_is_logged_when_no_file_is_shared(tmp_path, monkeypatch, variable):
    monkeypatch.delenv(LOG_ONCE_VARIABLE, raising=False)
    if variable:
        monkeypatch.setenv(LOG_ONCE_VARIABLE, str(tmp_path / variable))
    assert is_first_to_log("broken")
    assert is_first_to_log("broken")
