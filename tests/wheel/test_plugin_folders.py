"""Which plugins a runner serves that was told nothing."""

import pytest

from qhana_plugin_runner.util.config import read_settings
from qhana_plugin_runner.util.config.settings import default_plugin_folders


@pytest.fixture
def package(tmp_path):
    """A package that was installed: the demonstration plugins are in it."""
    (tmp_path / "package" / "demo" / "plugins").mkdir(parents=True)
    return tmp_path / "package"


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("debug", [False, True])
def test_without_folders_the_plugins_in_the_package_are_served(package, here, debug):
    assert default_plugin_folders(debug, package) == [str(package / "demo" / "plugins")]


def test_a_folder_plugins_in_the_working_directory_goes_before(package, here):
    (here / "plugins").mkdir()
    assert default_plugin_folders(False, package) == ["./plugins"]


def test_the_package_of_a_checkout_holds_no_plugins(here):
    assert default_plugin_folders(False) == ["./plugins"]


def test_folders_that_are_set_count_even_when_there_are_none(here, monkeypatch, tmp_path):
    monkeypatch.setenv("PLUGIN_FOLDERS", "./plugins:/nowhere")
    assert read_settings(tmp_path)["PLUGIN_FOLDERS"] == ["./plugins", "/nowhere"]
