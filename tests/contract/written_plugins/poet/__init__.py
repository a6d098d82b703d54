"""A package that starts tasks in all the usual ways; its routes and tasks are modules of their own."""

from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

_plugin_name = "poet"
__version__ = "v0.1.0"
_identifier = plugin_identifier(_plugin_name, __version__)

POET_BLP = SecurityBlueprint(_identifier, __name__, description="Writes poems.")


class Poet(QHAnaPluginBase):
    name = _plugin_name
    version = __version__
    description = "Writes poems."
    tags = ["poems"]

    def get_api_blueprint(self):
        return POET_BLP


# The blueprint has to be there before the routes, and the class before the tasks.
from . import odd, routes  # noqa: F401, E402
