"""The page of a plugin with its form."""

from urllib.parse import urlsplit

from flask import Response, abort, current_app, render_template, request

from ...api.negotiation import frame_policy, protect
from . import WORKBENCH
from .catalogue import find_plugin

__all__ = ["plugin_page", "run_again"]


@WORKBENCH.get("/plugins/<identifier>/")
def plugin_page(identifier: str) -> Response:
    """Show a plugin with its form; the form is filled with the query."""
    return _plugin_page(identifier, None)


@WORKBENCH.get("/plugins/<identifier>/again/<int:task_id>/")
def run_again(identifier: str, task_id: int) -> Response:
    """Show a plugin with its form, filled with the values with which a task was started."""
    return _plugin_page(identifier, task_id)


def _plugin_page(identifier: str, again: int | None) -> Response:
    plugin = find_plugin(identifier)
    if plugin is None:
        abort(404)
    form_url = plugin.ui_url
    query = request.query_string.decode("ascii", "replace")
    if form_url and query:
        form_url += ("&" if urlsplit(form_url).query else "?") + query
    response = current_app.make_response(
        render_template(
            "runner/workbench/plugin.html", plugin=plugin, form_url=form_url, again=again
        )
    )
    return protect(response, frame_policy(form_url))
