"""A plugin that only works at times; it has no blueprint and says so."""

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.util.plugins import QHAnaPluginBase


class Clock(QHAnaPluginBase):
    name = "kind-name"
    version = "v0.2.1"
    description = "Ticks."
    tags = []

    def get_api_blueprint(self):
        raise NotImplementedError


@CELERY.on_after_finalize.connect
def schedule(sender, **kwargs):
    sender.add_periodic_task(3600, tick.s(), name=tick.name)


@CELERY.task(name=f"{Clock.instance.identifier}.tick")
def tick():
    return "tick"
