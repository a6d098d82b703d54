"""The base class of plugins."""

from ..plugins.failures import PluginFailure
from ..plugins.loading import (
    PluginRegistry,
    QHAnaPluginBase,
    plugin_identifier,
    plugin_registry,
    register_plugins,
)

__all__ = [
    "PluginFailure",
    "PluginRegistry",
    "QHAnaPluginBase",
    "plugin_identifier",
    "plugin_registry",
    "register_plugins",
]
