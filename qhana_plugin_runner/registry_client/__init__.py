"""The plugin registry: a client of it, and telling it about virtual plugins."""

from flask import Flask

from .client import PluginRegistryClient

__all__ = ["PLUGIN_REGISTRY_CLIENT", "register_registry_client"]

PLUGIN_REGISTRY_CLIENT = PluginRegistryClient()
"""The client that plugins use; it asks the registry of the current app."""


def register_registry_client(app: Flask) -> None:
    """Let the client know of an app, and announce virtual plugins to the registry."""
    from .announce import connect_signals

    PLUGIN_REGISTRY_CLIENT.init_app(app)
    connect_signals()
