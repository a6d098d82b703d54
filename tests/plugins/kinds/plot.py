"""A visualisation, with a page of its own; its names are Flask 2's."""

from flask import Markup, request
from flask.views import MethodView

from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.util.plugins import QHAnaPluginBase


class Plot(QHAnaPluginBase):
    name = "kind-name"
    version = "v0.2.1"
    description = "Shows data."
    tags = ["visualization"]

    def __init__(self, app):
        super().__init__(app)
        self.blueprint = None

    def get_api_blueprint(self):
        # Made once: the app may be created again.
        if self.blueprint is None:
            self.blueprint = make_blueprint(self)
        return self.blueprint


def make_blueprint(plugin):
    blp = SecurityBlueprint(plugin.identifier, __name__, description="Shows data.")

    @blp.route("/")
    class MetadataView(MethodView):
        @blp.response(200)
        def get(self):
            """Say what the plugin is, without a schema."""
            return {
                "title": "Plot",
                "name": plugin.name,
                "version": plugin.version,
                "description": plugin.description,
                "type": "visualization",
                "tags": plugin.tags,
                "entryPoint": {"href": "./ui/", "uiHref": "./ui/"},
            }

    @blp.route("/ui/")
    class PageView(MethodView):
        @blp.html_response(200, description="The page.")
        def get(self):
            """Show the data of a URL."""
            return Markup("<!DOCTYPE html><p>Data of %s</p>") % request.args.get(
                "data-url", "nothing"
            )

    return blp
