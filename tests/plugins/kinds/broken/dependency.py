"""A plugin that needs a package that nobody has installed."""

import a_package_that_nobody_has

from qhana_plugin_runner.util.plugins import QHAnaPluginBase


class Needy(QHAnaPluginBase):
    name = "kind-name"
    version = "v0.2.1"
    description = str(a_package_that_nobody_has)
    tags = []
