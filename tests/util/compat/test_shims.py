"""Each file in ``old_plugins`` is a plugin that uses the one shim that the file is named after."""

import logging
import shutil
import warnings
from pathlib import Path

import pytest

from qhana_plugin_runner.util import compat

OLD_PLUGINS = Path(__file__).parent / "old_plugins"

each_shim = pytest.mark.parametrize("shim", compat.SHIMS, ids=lambda shim: shim.name)


@each_shim
def test_plugin_that_uses_a_shim_works_and_is_warned_once(
    shim, layer, load_plugin, told, caplog
):
    path = OLD_PLUGINS / f"{shim.name}.py"
    compat.register_plugin_root(path, "old-plugin")
    with caplog.at_level(logging.WARNING):
        load_plugin(path, "first_import")
        load_plugin(path, "second_import")

    (message,) = told()
    assert message.startswith("Plugin old-plugin ")
    assert message.endswith(f"{shim.advice}. [{shim.name}]")
    assert [message in record.getMessage() for record in caplog.records] == [True]


@each_shim
def test_second_plugin_that_uses_a_shim_is_warned_too(
    shim, layer, load_plugin, told, tmp_path
):
    for name in ("one", "two"):
        path = tmp_path / f"{name}.py"
        shutil.copy(OLD_PLUGINS / f"{shim.name}.py", path)
        load_plugin(path, f"{name}_plugin")

    assert [message.split()[1] for message in told()] == ["one_plugin", "two_plugin"]


@each_shim
def test_plugin_that_uses_a_shim_fails_without_it(shim, load_plugin, monkeypatch):
    others = [each for each in compat.SHIMS if each is not shim]
    monkeypatch.setattr(compat, "SHIMS", others)
    compat.install()
    with warnings.catch_warnings(), pytest.raises(Exception):
        # What other shims make of the plugin must not pass for a failure.
        warnings.simplefilter("ignore", compat.PluginCompatWarning)
        load_plugin(OLD_PLUGINS / f"{shim.name}.py", "old_plugin")


def test_every_old_plugin_belongs_to_a_shim():
    names = [shim.name for shim in compat.SHIMS]
    assert sorted(path.stem for path in OLD_PLUGINS.glob("*.py")) == sorted(names)


def test_texts_of_shims_fit_into_the_warning():
    for shim in compat.SHIMS:
        assert shim.library and shim.serves and shim.advice
        assert not shim.serves.endswith(".") and not shim.advice.endswith(".")
