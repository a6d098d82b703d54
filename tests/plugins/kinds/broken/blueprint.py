"""A plugin whose blueprint cannot be made."""

from qhana_plugin_runner.util.plugins import QHAnaPluginBase


class Lost(QHAnaPluginBase):
    name = "kind-name"
    version = "v0.2.1"
    description = "Wants a setting."
    tags = []

    def get_api_blueprint(self):
        return self.app.config["A_SETTING_THAT_NOBODY_MADE"]
