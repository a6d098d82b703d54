"""The client of the plugin registry, and notifications about virtual plugins."""

from flask import Flask

from .client import PluginRegistryClient

__all__ = ["PLUGIN_REGISTRY_CLIENT", "register_registry_client"]

PLUGIN_REGISTRY_CLIENT = PluginRegistryClient()
"""The client for plugins; it uses the registry of the current app."""


def register_registry_client(app: Flask) -> None:
    """Use the registry of an app, and announce virtual plugins to it."""
    from .announce import connect_signals

    PLUGIN_REGISTRY_CLIENT.init_app(app)
    connect_signals()
