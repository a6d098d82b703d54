"""The page of all files, and the page of one."""

from typing import Any

from flask import abort, render_template, request, url_for

from ...api.files import has_tag
from ...api.task_status import download_url
from ...api.tasks import row_id
from ...db.models.tasks import TaskFile
from . import WORKBENCH
from .file_urls import file_page_url
from .files import data_types, find_files
from .preview import FULL
from .queries import FileQuerySchema, read_query
from .runs import input_names
from .shown_file import shown_file

PAGE_SIZE = 50
"""Files of a page."""


@WORKBENCH.get("/data/")
def data_page() -> str:
    """List the files of all tasks, newest first."""
    query = read_query(FileQuerySchema())
    found = find_files(query["wanted"], query["cursor"], PAGE_SIZE)
    next_url = None
    if found.next is not None:
        others: dict[str, Any] = {**request.args.to_dict(), "cursor": found.next}
        next_url = url_for("workbench.data_page", **others)
    return render_template(
        "runner/workbench/data.html",
        files=found.files,
        next_url=next_url,
        wanted=query,
        data_types=data_types(),
        download_url=download_url,
        file_page_url=file_page_url,
        input_names=input_names(file.task_id for file in found.files),
    )


@WORKBENCH.get("/data/<file_id>/")
def file_page(file_id: str) -> str:
    """Show a file with its origin, and the plugins that take it."""
    file = TaskFile.get_by_id(row_id(file_id) or 0)
    if file is None or not has_tag(file, request.args.get("file-id", "")):
        abort(404)
    return render_template("runner/workbench/file.html", **shown_file(file, FULL))
