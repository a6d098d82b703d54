"""A plugin that needs two packages, one of them with an extra."""

from qhana_plugin_runner.util.plugins import QHAnaPluginBase


class Asks(QHAnaPluginBase):
    name = "asks"
    version = "v1.0.0"

    def get_requirements(self) -> str:
        return "firstpkg[fast]~=1.0  # for numbers\nsecondpkg>=2 ; python_version >= '3'"
