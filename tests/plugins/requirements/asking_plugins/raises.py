"""A plugin whose requirements cannot be had."""

from qhana_plugin_runner.util.plugins import QHAnaPluginBase


class Raises(QHAnaPluginBase):
    name = "raises"
    version = "v1.0.0"

    def get_requirements(self) -> str:
        raise LookupError("no file of requirements")
