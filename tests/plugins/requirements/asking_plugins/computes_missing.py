"""A plugin that cannot be imported, and computes what it needs."""

import firstpkg

from qhana_plugin_runner.util.plugins import QHAnaPluginBase

NEEDED = ["firstpkg>=1"]


class ComputesMissing(QHAnaPluginBase):
    name = "computes-missing"
    version = "v1.0.0"
    description = f"Uses {firstpkg.__name__}."

    def get_requirements(self) -> str:
        return "\n".join(NEEDED)
