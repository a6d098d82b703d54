"""A plugin that makes other plugins; without a form."""

from flask import current_app, url_for
from flask.views import MethodView

from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.virtual_plugins import (
    VIRTUAL_PLUGIN_CREATED,
    VirtualPlugin,
)
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

_name, _version = "kind-name", "v0.2.1"
_identifier = plugin_identifier(_name, _version)
BLP = SecurityBlueprint(_identifier, __name__, description="Makes plugins.")


class Parent(QHAnaPluginBase):
    name, version = _name, _version
    description = "Makes plugins."
    tags = ["parent"]

    def get_api_blueprint(self):
        return BLP


@BLP.route("/")
class MetadataView(MethodView):
    @BLP.response(200)
    def get(self):
        """Say what the plugin is."""
        return {"name": _name, "version": _version}


@BLP.route("/children/<string:child>/")
class ChildView(MethodView):
    @BLP.response(200)
    def get(self, child):
        """The metadata of a plugin that was made here."""
        return {"name": child, "version": "v1.0.0"}

    @BLP.response(204)
    def put(self, child):
        """Make a plugin."""
        href = url_for(f"{_identifier}.ChildView", child=child, _external=True)
        row = VirtualPlugin(
            parent_id=_identifier,
            name=child,
            version="v1.0.0",
            description="",
            tags="child",
            href=href,
        )
        DB.session.add(row)
        DB.session.commit()
        VIRTUAL_PLUGIN_CREATED.send(current_app._get_current_object(), plugin_url=href)
