"""The list of plugins, and the redirect from a name to its newest version."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary

import marshmallow as ma
from flask import redirect, request, url_for
from flask.views import MethodView
from flask_babel import gettext as _
from flask_smorest import abort
from sqlalchemy import select
from werkzeug import Response

from ..db.models.virtual_plugins import VirtualPlugin
from ..db.prepared import Prepared
from ..plugins.loading import LoadedPlugins, loaded_plugins
from .answers import CachedAnswer
from .plugin_schemas import PluginMetadataSchema
from .util import MaBaseSchema, SecurityBlueprint

PLUGINS_API = SecurityBlueprint(
    "plugins-api",
    __name__,
    url_prefix="/plugins",
    description="The available plugins.",
)


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


_VIRTUAL = Prepared(lambda _dialect: select(VirtualPlugin.__table__))

_DESCRIPTION, _TAGS = attrgetter("description"), attrgetter("tags")

_newest: WeakKeyDictionary[LoadedPlugins, tuple[Any, CachedAnswer]] = WeakKeyDictionary()
"""The newest list of each app, with the data it was made from."""


def _plugin_list() -> CachedAnswer:
    """Return the encoded list, encoding it again when plugins or the request's root URL changed."""
    registry = loaded_plugins()
    source = (request.root_url, tuple(registry.mounted), _VIRTUAL.all())
    # Plugins may change these, and describe themselves in the language of the request. To ask
    # all of them for one attribute is faster than to ask each for all.
    plugins = registry.mounted.values()
    texts, tags = list(map(_DESCRIPTION, plugins)), list(map(_TAGS, plugins))
    kept = _newest.get(registry)
    if kept is None or kept[0] != (*source, texts, tags):
        answer = CachedAnswer.of(PluginListSchema().dump({"plugins": list_plugins()}))
        # Lazy texts are equal to what they say in the language of a request.
        texts = list(map(str, texts))
        kinds = [tuple if isinstance(each, tuple) else list for each in tags]
        tags = [each and kind(map(str, each)) for kind, each in zip(kinds, tags)]
        kept = _newest[registry] = (*source, texts, tags), answer
    return kept[1]


def list_plugins(virtual: bool = True) -> list[dict[str, Any]]:
    """Return the mounted plugins, sorted by name and version, with the keys of the schema.

    Args:
        virtual: list the virtual plugins that they have made, too; else no database is asked
    """
    mounted = loaded_plugins().mounted
    entries = [
        _entry(plugin, identifier, plugin_url(identifier), plugin.tags or ())
        for identifier, plugin in mounted.items()
    ]
    if virtual:
        parents = {entry[key] for entry in entries for key in ("identifier", "name")}
        entries += [
            _entry(plugin, plugin.identifier, plugin.href, plugin.tag_list)
            for plugin in VirtualPlugin.get_all()
            if plugin.parent_id in parents
        ]
    return sorted(entries, key=lambda entry: (entry["name"], entry["version"]))


def _entry(
    plugin: Any, identifier: str, api_root: str, tags: Iterable[str]
) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "identifier": identifier,
        "api_root": api_root,
        "description": plugin.description,
        "tags": list(tags),
        "is_virtual": isinstance(plugin, VirtualPlugin),
    }


@PLUGINS_API.route("/")
class PluginsView(MethodView):
    """All plugins."""

    @PLUGINS_API.response(200, PluginListSchema())
    @PLUGINS_API.alt_response(304, description="The client has this list already.")
    def get(self) -> Any:
        """List the plugins, sorted by name and version."""
        return _plugin_list().response()


@PLUGINS_API.route("/<string:plugin>/")
class PluginView(MethodView):
    """One plugin by its name."""

    @PLUGINS_API.response(307, description="The newest version of the plugin.")
    @PLUGINS_API.alt_response(
        200, schema=PluginMetadataSchema, description="The metadata, by the identifier."
    )
    def get(self, plugin: str) -> Response:
        """Redirect to the newest version of a plugin."""
        versions = loaded_plugins().versions_of(plugin)
        if not versions:
            abort(404, message=_("Plugin %(name)r not found.", name=plugin))
        target = plugin_url(versions[0].identifier)
        query = request.query_string.decode("ascii", "replace")
        return redirect(f"{target}?{query}" if query else target, 307)
