"""A package in the way of most plugins: class here, everything else in modules beside it."""

from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

_plugin_name = "kind-name"
__version__ = "v0.2.1"
_identifier = plugin_identifier(_plugin_name, __version__)

OPTICS_BLP = SecurityBlueprint(
    _identifier, __name__, description="OPTICS.", template_folder="templates"
)


class Optics(QHAnaPluginBase):
    name = _plugin_name
    version = __version__
    description = "Clusters points."
    tags = ["clustering", "points-to-clusters"]

    def get_api_blueprint(self):
        return OPTICS_BLP


try:
    # The routes need what may not be installed yet.
    from . import routes  # noqa: F401
except ImportError:
    pass
