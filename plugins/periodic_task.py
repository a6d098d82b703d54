"""A task that runs by itself again and again; this plugin has no page. Copy what you need of it."""

from datetime import UTC, datetime

from celery.utils.log import get_task_logger

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.virtual_plugins import PluginState
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

NAME, VERSION = "periodic-task", "v1.0.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)
LOGGER = get_task_logger(__name__)

EVERY = 3600  # seconds; a celery.schedules.crontab says when instead, such as every night


class PeriodicTask(QHAnaPluginBase):
    name = NAME
    version = VERSION
    description = "Notes the time every hour. Shows how periodic tasks work."
    tags = ["periodic", "demo"]


@CELERY.task(name=f"{IDENTIFIER}.note_time", bind=True)
def note_time(self) -> str:
    """Remember when this ran; a page of the plugin could show it."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    last = PluginState.set_value(IDENTIFIER, "last run", now, commit=True)
    LOGGER.info("last run: %s", last)
    return now


@CELERY.on_after_finalize.connect
def schedule(sender, **_kwargs):
    """Tell the scheduler of periodic tasks, once all tasks are known."""
    sender.add_periodic_task(EVERY, note_time.s(), name=note_time.name, expires=EVERY)
