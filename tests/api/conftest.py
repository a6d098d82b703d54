"""Apps with plugins that a test writes."""

import sys
from textwrap import dedent
from uuid import uuid4

import pytest
from helpers.runner import runner

from qhana_plugin_runner.util.plugins import QHAnaPluginBase


@pytest.fixture
def with_plugins(tmp_path, monkeypatch):
    """Return a function that makes an app with the plugins of the given sources only."""
    monkeypatch.setattr(QHAnaPluginBase, "__plugins__", {})
    folder = tmp_path / "plugins"
    folder.mkdir()
    names, apps = [], []

    def make(*sources, **settings):
        for source in sources:
            names.append(f"api_{uuid4().hex}")
            (folder / f"{names[-1]}.py").write_text(dedent(source), "utf-8")
        entered = runner(tmp_path, PLUGIN_FOLDERS=[str(folder)], **settings)
        apps.append(entered)
        return entered.__enter__()

    yield make
    for entered in apps:
        entered.__exit__(None, None, None)
    for name in names:
        sys.modules.pop(name, None)
