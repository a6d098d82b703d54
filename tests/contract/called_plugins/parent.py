"""A plugin that makes plugins at runtime."""

from flask import current_app, url_for
from flask.views import MethodView

from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.virtual_plugins import (
    VIRTUAL_PLUGIN_CREATED,
    VIRTUAL_PLUGIN_REMOVED,
    PluginState,
    VirtualPlugin,
)
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier("parent", "v1.0.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__, description="Makes plugins.")


class Parent(QHAnaPluginBase):
    name = "parent"
    version = "v1.0.0"
    description = "Makes plugins."
    tags = []

    def get_api_blueprint(self):
        return BLP


@BLP.route("/")
class MetadataView(MethodView):
    @BLP.response(200)
    def get(self):
        return {"name": Parent.name}


@BLP.route("/children/<string:name>/")
class ChildView(MethodView):
    @BLP.response(200)
    def get(self, name):
        """The metadata of a plugin that was made here."""
        return PluginState.get_value(IDENTIFIER, name)

    @BLP.response(204)
    def put(self, name):
        """Make a plugin."""
        href = url_for(f"{IDENTIFIER}.ChildView", name=name, _external=True)
        plugin = VirtualPlugin(
            parent_id=IDENTIFIER,
            name=name,
            version="v2.0.0",
            description=f"Child {name}.",
            tags="made here\nchild",
            href=href,
        )
        DB.session.add(plugin)
        PluginState.set_value(IDENTIFIER, name, {"title": name})
        DB.session.commit()
        VIRTUAL_PLUGIN_CREATED.send(current_app._get_current_object(), plugin_url=href)

    @BLP.response(204)
    def delete(self, name):
        """Remove it again."""
        href = url_for(f"{IDENTIFIER}.ChildView", name=name, _external=True)
        VirtualPlugin.delete_by_href(href, IDENTIFIER)
        PluginState.delete_value(IDENTIFIER, name)
        DB.session.commit()
        VIRTUAL_PLUGIN_REMOVED.send(current_app._get_current_object(), plugin_url=href)
