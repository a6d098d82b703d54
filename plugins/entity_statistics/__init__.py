"""Statistics of the columns of an entity file: an example of a plugin that is a package."""

from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

NAME, VERSION = "entity-statistics", "v1.0.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)


class EntityStatistics(QHAnaPluginBase):
    name = NAME
    version = VERSION
    description = (
        "Counts, ranges, means and deviations for each column of an entity file."
    )
    tags = ["statistics", "demo"]

    def get_api_blueprint(self):
        from .routes import STATISTICS_BLP

        return STATISTICS_BLP
