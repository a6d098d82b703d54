"""The runner's own pages."""

from flask import Flask, current_app, url_for
from flask_babel import gettext as _

from ...security.details import may_see_details
from ...util.texts import lead_and_rest


def register_pages(app: Flask) -> None:
    """Mount the pages; those for debugging only in debug mode."""
    from ...api.negotiation import register_page
    from .debug import DEBUG_PAGES, failures_page
    from .docs import register_docs
    from .landing import landing_page
    from .licenses import LICENSE_PAGES
    from .status import STATUS_PAGES
    from .task import task_page

    app.jinja_env.globals.update(page_links=_page_links, lead_and_rest=lead_and_rest)
    register_page(app, "landing", landing_page)
    register_page(app, "task", task_page)
    register_docs(app)
    app.register_blueprint(LICENSE_PAGES)
    app.register_blueprint(STATUS_PAGES)
    if app.config["AUTH_MODE"] == "token":
        from .login import LOGIN_PAGES

        app.register_blueprint(LOGIN_PAGES)
    if app.debug:
        app.register_blueprint(DEBUG_PAGES)
        register_page(app, "failures", failures_page)


def _page_links() -> list[tuple[str, str]]:
    """Return title and URL of each page in the navigation."""
    from .docs import docs_links

    links = [
        (_("Plugins"), url_for("api-root.RootView")),
        (_("Tasks"), url_for("tasks-api.TaskListView")),
        (_("Data"), url_for("workbench.data_page")),
        *docs_links(),
    ]
    if may_see_details(is_for_link=True):
        links.append((_("Status"), url_for("status.status_page")))
    if "debug" in current_app.blueprints:
        links += [
            (_("Debug"), url_for("debug.index")),
            (_("Routes"), url_for("debug.routes")),
            (_("Micro frontends"), url_for("debug.frontend_debugger")),
        ]
    return links
