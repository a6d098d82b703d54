"""A plugin that lets another plugin, maybe of another runner, do the work."""

from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier("delegate", "v1.0.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__, description="Calls another plugin.")


class Delegate(QHAnaPluginBase):
    name = "delegate"
    version = "v1.0.0"
    description = "Calls another plugin."
    tags = ["delegate"]

    def get_api_blueprint(self):
        return BLP


from . import routes  # noqa: E402, F401  (the routes need the blueprint above)
