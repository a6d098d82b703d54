"""A plugin that cannot be imported before what it needs is there."""

import firstpkg

from qhana_plugin_runner.util.plugins import QHAnaPluginBase


class NeedsMissing(QHAnaPluginBase):
    name = "needs-missing"
    version = "v1.0.0"
    description = f"Uses {firstpkg.__name__}."

    def get_requirements(self) -> str:
        """Return what is needed."""
        return """
        firstpkg>=1
        """
