"""The base class of plugins."""

from ..plugins.about import plugin_identifier
from ..plugins.failures import PluginFailure
from ..plugins.loading import (
    LoadedPlugins,
    QHAnaPluginBase,
    loaded_plugins,
    register_plugins,
)

__all__ = [
    "PluginFailure",
    "LoadedPlugins",
    "QHAnaPluginBase",
    "plugin_identifier",
    "loaded_plugins",
    "register_plugins",
]
