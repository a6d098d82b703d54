"""The page of a plugin with its form."""

from urllib.parse import urlsplit

from flask import abort, render_template, request

from ...api.form_schemas import schema_url
from ...security.headers import allow_frame
from . import WORKBENCH
from .catalogue import find_plugin
from .examples import call_examples


@WORKBENCH.get("/plugins/<identifier>/")
def plugin_page(identifier: str) -> str:
    """Show a plugin with its form; the form is filled with the query."""
    return _plugin_page(identifier, None)


@WORKBENCH.get("/plugins/<identifier>/again/<int:task_id>/")
def run_again(identifier: str, task_id: int) -> str:
    """Show a plugin with its form, filled with the values with which a task was started."""
    return _plugin_page(identifier, task_id)


def _plugin_page(identifier: str, again: int | None) -> str:
    plugin = find_plugin(identifier)
    if plugin is None:
        abort(404)
    form_url = plugin.ui_url
    query = request.query_string.decode("ascii", "replace")
    if form_url and query:
        form_url += ("&" if urlsplit(form_url).query else "?") + query
    allow_frame(form_url)
    return render_template(
        "runner/workbench/plugin.html",
        plugin=plugin,
        form_url=form_url,
        again=again,
        schema_url=schema_url(plugin.process_url) if plugin.process_url else None,
        examples=call_examples(plugin),
    )
