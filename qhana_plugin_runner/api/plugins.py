"""The list of plugins, and the way from a plugin's name to its newest version."""

from typing import Any, TypedDict

import marshmallow as ma
from flask import redirect, request, url_for
from flask.views import MethodView
from flask_babel import gettext as _
from flask_smorest import abort
from werkzeug import Response

from ..db.models.virtual_plugins import VirtualPlugin
from ..plugins.loading import plugin_registry
from .util import MaBaseSchema, SecurityBlueprint

__all__ = ["PLUGINS_API", "PluginEntry", "list_plugins", "plugin_url"]

PLUGINS_API = SecurityBlueprint(
    "plugins-api",
    __name__,
    url_prefix="/plugins",
    description="The plugins that are served.",
)


class PluginEntry(TypedDict):
    """A plugin in the list."""

    name: str
    version: str
    identifier: str
    api_root: str
    description: str
    tags: list[str]


class PluginEntrySchema(MaBaseSchema):
    name = ma.fields.String(required=True)
    version = ma.fields.String(required=True)
    identifier = ma.fields.String(required=True)
    api_root = ma.fields.String(
        required=True,
        metadata={"description": "The absolute URL of the plugin's metadata."},
    )
    description = ma.fields.String(required=True)
    tags = ma.fields.List(ma.fields.String(), required=True)


class PluginListSchema(MaBaseSchema):
    plugins = ma.fields.List(ma.fields.Nested(PluginEntrySchema()), required=True)


def plugin_url(identifier: str) -> str:
    """Return the URL of a plugin's metadata, absolute and percent-encoded."""
    return url_for("plugins-api.PluginView", plugin=identifier, _external=True)


def list_plugins() -> list[PluginEntry]:
    """Return the mounted plugins and the virtual plugins made by them, sorted for the list."""
    registry = plugin_registry()
    loaded: list[PluginEntry] = [
        {
            "name": plugin.name,
            "version": plugin.version,
            "identifier": identifier,
            "api_root": plugin_url(identifier),
            "description": plugin.description,
            "tags": list(plugin.tags or ()),
        }
        for identifier, plugin in registry.mounted.items()
    ]
    parents = {key for entry in loaded for key in (entry["identifier"], entry["name"])}
    virtual: list[PluginEntry] = [
        {
            "name": plugin.name,
            "version": plugin.version,
            "identifier": plugin.identifier,
            "api_root": plugin.href,
            "description": plugin.description,
            "tags": plugin.tag_list,
        }
        for plugin in VirtualPlugin.get_all()
        if plugin.parent_id in parents
    ]
    return sorted(loaded + virtual, key=lambda entry: (entry["name"], entry["version"]))


@PLUGINS_API.route("/")
class PluginsView(MethodView):
    """All plugins."""

    @PLUGINS_API.response(200, PluginListSchema())
    def get(self) -> Any:
        """List the plugins, sorted by name and version."""
        return {"plugins": list_plugins()}


@PLUGINS_API.route("/<string:plugin>/")
class PluginView(MethodView):
    """One plugin by its name."""

    @PLUGINS_API.response(307, description="The newest version of the plugin.")
    def get(self, plugin: str) -> Response:
        """Go to the newest version of a plugin."""
        versions = plugin_registry().versions_of(plugin)
        if not versions:
            abort(404, message=_("There is no plugin %(name)r here.", name=plugin))
        target = plugin_url(versions[0].identifier)
        query = request.query_string.decode("ascii", "replace")
        return redirect(f"{target}?{query}" if query else target, 307)
