"""What tasks are called: after their plugin."""

from typing import Any

from flask import g
from flask_babel import gettext as _

from ...api.uploads import UPLOAD_TASK
from .catalogue import find_plugin

__all__ = ["task_title"]


def task_title(task: Any) -> str:
    """Return what a task is called, a model or a row with its columns.

    That is the title of its plugin, as far as it is known.
    """
    if task.plugin:
        titles: dict[str, str] = g.setdefault("plugin_titles", {})
        if task.plugin not in titles:
            plugin = find_plugin(task.plugin)
            titles[task.plugin] = plugin.title if plugin else task.plugin
        return titles[task.plugin]
    if task.task_name == UPLOAD_TASK:
        return str(_("Upload"))
    return task.task_name or str(_("Task %(id)s", id=task.id))
