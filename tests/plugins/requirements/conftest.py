"""Plugins that need packages."""

import shutil
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parent / "asking_plugins"


@pytest.fixture
def folder(tmp_path):
    """A folder for plugins."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    return folder


@pytest.fixture
def bring(folder):
    """Copy plugins of this folder, by name, into the folder for plugins."""

    def bring(*names):
        for name in names:
            shutil.copy(PLUGINS / f"{name}.py", folder)

    return bring
