"""Tests of the compatibility layer start without it and leave the libraries as they were."""

import importlib.util
import sys
import warnings
from pathlib import Path

import pytest

from qhana_plugin_runner.util import compat


@pytest.fixture(autouse=True)
def without_layer(monkeypatch):
    was_installed = compat.installed()
    compat.uninstall()
    monkeypatch.delenv("PLUGIN_COMPAT", raising=False)
    yield
    compat.uninstall()
    if was_installed:
        compat.install()


@pytest.fixture
def layer(without_layer):
    compat.install()


@pytest.fixture
def load_plugin(monkeypatch):
    """Import a plugin's file under a name, as discovery does; call ``check`` if it has one."""

    def load(path: Path, name: str):
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        if hasattr(module, "check"):
            module.check()
        return module

    return load


@pytest.fixture
def told():
    """The texts of the compatibility warnings given during the test."""
    messages = _Messages()
    with warnings.catch_warnings(record=True) as messages.caught:
        warnings.simplefilter("always")
        yield messages


class _Messages:
    caught: list[warnings.WarningMessage]

    def __call__(self) -> list[str]:
        unexpected = [
            each
            for each in self.caught
            if not issubclass(each.category, compat.PluginCompatWarning)
        ]
        assert not unexpected, unexpected[0]
        return [str(each.message) for each in self.caught]
