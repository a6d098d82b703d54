"""What tasks are called: after their plugin."""

from flask import g
from flask_babel import gettext as _

from ...api.uploads import UPLOAD_TASK
from .catalogue import asked_plugin, find_plugin


def task_title(plugin: str | None, task_name: str | None, task_id: int) -> str:
    """Return what a task is called: the title of its plugin, as far as it is known.

    Args:
        plugin: The identifier of its plugin.
        task_name: The name of the Celery task that was started.
        task_id: Its id.
    """
    if plugin:
        titles: dict[str, str] = g.setdefault("plugin_titles", {})
        if plugin not in titles:
            found = asked_plugin(plugin) or find_plugin(plugin)
            titles[plugin] = found.title if found else plugin
        return titles[plugin]
    if task_name == UPLOAD_TASK:
        return str(_("Upload"))
    return task_name or str(_("Task %(id)s", id=task_id))
