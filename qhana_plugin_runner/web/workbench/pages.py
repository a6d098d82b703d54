"""The pages of the workbench: all files, one of them, and a plugin with its form."""

from typing import Any

from flask import abort, render_template, request, url_for

from ...api.files import has_tag
from ...api.form_schemas import schema_url
from ...api.task_status import download_url
from ...api.tasks import row_id
from ...db.models.tasks import TaskFile
from ...security.headers import allow_frame
from . import WORKBENCH
from .catalogue import catalogue, find_plugin
from .consumers import find_consumers, with_query
from .examples import call_examples
from .file_urls import file_page_url
from .files import data_types
from .groups import grouped
from .preview import FULL, Limits, preview_of
from .queries import FileQuerySchema, asked_files, read_query
from .runs import input_names

PAGE_SIZE = 50
"""Files of a page."""


@WORKBENCH.get("/data/")
def data_page() -> str:
    """List the files of all tasks, newest first."""
    query = read_query(FileQuerySchema())
    files, next_url = asked_files(query, PAGE_SIZE)
    return render_template(
        "runner/workbench/data.html",
        files=files,
        next_url=next_url,
        wanted=query,
        data_types=data_types(),
        download_url=download_url,
        file_page_url=file_page_url,
        input_names=input_names(file.task_id for file in files),
    )


@WORKBENCH.get("/data/<file_id>/")
def file_page(file_id: str) -> str:
    """Show a file with its origin, and the plugins that take it."""
    file = TaskFile.get_by_id(row_id(file_id) or 0)
    if file is None or not has_tag(file, request.args.get("file-id", "")):
        abort(404)
    return render_template("runner/workbench/file.html", **shown_file(file, FULL))


def shown_file(file: TaskFile, limits: Limits) -> dict[str, Any]:
    """Return the variables of the template ``runner/workbench/preview.html``.

    Args:
        file: A file of this runner.
        limits: How much of it is shown.
    """
    consumers = find_consumers(file, catalogue())
    views = [each for each in consumers if each.is_visualization and each.ui_url]
    others = [each for each in consumers if not each.is_visualization]
    is_table = (file.file_type or "").startswith("entity/")
    href = download_url(file)
    return {
        "file": file,
        "href": href,
        "page_url": file_page_url(file),
        "content_url": url_for("workbench.content", url=href),
        "preview": preview_of(file, limits),
        "limits": limits,
        "views": views,
        # A table shows itself what is in it; nobody reads matrices and circuits as text.
        "first_view": next(
            (each for each in views if each.is_made_for and not is_table), None
        ),
        "groups": grouped(others, lambda consumer: consumer.plugin),
    }


@WORKBENCH.get("/plugins/<identifier>/")
@WORKBENCH.get("/plugins/<identifier>/again/<int:task_id>/", endpoint="run_again")
def plugin_page(identifier: str, task_id: int | None = None) -> str:
    """Show a plugin with its form, filled with the query.

    Args:
        identifier: The identifier of the plugin.
        task_id: A task with whose values the form is filled instead.
    """
    plugin = find_plugin(identifier)
    if plugin is None:
        abort(404)
    query = request.query_string.decode("ascii", "replace")
    form_url = plugin.ui_url and with_query(plugin.ui_url, query)
    allow_frame(form_url)
    return render_template(
        "runner/workbench/plugin.html",
        plugin=plugin,
        form_url=form_url,
        again=task_id,
        schema_url=schema_url(plugin.process_url) if plugin.process_url else None,
        examples=call_examples(plugin),
    )
