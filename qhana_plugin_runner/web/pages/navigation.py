"""The links at the head of the runner's own pages."""

from flask import current_app, url_for
from flask_babel import gettext as _

from .docs import docs_links

__all__ = ["page_links"]


def page_links() -> list[tuple[str, str]]:
    """Return title and URL of each page that is worth a visit by itself."""
    links = [
        (_("Plugins"), url_for("api-root.RootView")),
        (_("Tasks"), url_for("tasks-api.TaskListView")),
        *docs_links(),
    ]
    if "debug" in current_app.blueprints:
        links += [
            (_("Debug"), url_for("debug.index")),
            (_("Routes"), url_for("debug.routes")),
            (_("Micro frontends"), url_for("debug.frontend_debugger")),
        ]
    return links
