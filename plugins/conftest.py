"""The fixtures for tests of plugins, for those of all plugins here."""

from qhana_plugin_runner.testing.fixtures import *  # noqa: F401, F403
