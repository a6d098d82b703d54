"""Fragments: parts of pages, which the scripts of the workbench put into dialogs."""

from typing import Any

from flask import Response, render_template, request, stream_with_context
from flask_babel import gettext as _
from flask_smorest import abort

from ...api.files import as_download, send_from, store_of
from ...api.task_status import download_url
from ...api.tasks import require_row_id
from ...db import DB
from ...db.models.tasks import ProcessingTask, TaskFile
from ...storage import STORE, StorageError
from . import WORKBENCH
from .archive import zip_stream
from .catalogue import catalogue
from .file_urls import file_facts, find_file, is_foreign
from .pages import shown_file
from .preview import BRIEF, FULL
from .queries import (
    FileQuerySchema,
    PluginQuerySchema,
    PreviewQuerySchema,
    RelatedQuerySchema,
    UrlQuerySchema,
    asked_files,
    read_query,
)
from .related import find_related
from .resources import FileFactsSchema
from .runs import input_names

PAGE_SIZE = 25
"""Files of a page in a dialog."""


@WORKBENCH.get("/files/")
def files() -> Any:
    """List the outputs of tasks, to choose one."""
    return _file_list(*asked_files(read_query(FileQuerySchema()), PAGE_SIZE))


@WORKBENCH.get("/related")
def related() -> Any:
    """List the files that are related to one, to choose one of them."""
    query = read_query(RelatedQuerySchema())
    found = find_related(
        query["url"], query["relation"], query["wanted"], query["include_self"]
    )
    return _file_list(found)


def _file_list(files: list[TaskFile], next_url: str | None = None) -> Any:
    """Answer with files as HTML, or as JSON for scripts that choose by themselves."""
    types = ["text/html", "application/json"]
    if request.accept_mimetypes.best_match(types) == "application/json":
        return FileFactsSchema(many=True).dump(map(file_facts, files))
    return render_template(
        "runner/workbench/files.html",
        files=files,
        next_url=next_url,
        search=request.args,
        download_url=download_url,
        input_names=input_names(file.task_id for file in files),
    )


@WORKBENCH.get("/plugins/")
def plugins() -> str:
    """List the plugins, to choose one."""
    wanted = read_query(PluginQuerySchema())
    found = [plugin for plugin in catalogue() if wanted.matches(plugin)]
    return render_template(
        "runner/workbench/plugins.html", plugins=found, search=request.args
    )


@WORKBENCH.get("/preview")
def preview() -> str:
    """Show a file, or the first part of it, and the plugins that take it."""
    query = read_query(PreviewQuerySchema())
    url = query["url"]
    file = find_file(url)
    if file is None:
        if not is_foreign(url):
            abort(404, message=_("The URL does not belong to a file of this runner."))
        return render_template("runner/workbench/elsewhere.html", url=url)
    is_brief = query["brief"]
    return render_template(
        "runner/workbench/preview.html",
        **shown_file(file, BRIEF if is_brief else FULL),
        is_brief=is_brief,
    )


@WORKBENCH.get("/content")
def content() -> Response:
    """Send a file from the runner itself: the pages show nothing that comes from other hosts."""
    file = find_file(read_query(UrlQuerySchema())["url"])
    if file is None:
        abort(404, message=_("The URL does not belong to a file of this runner."))
    return send_from(store_of(file), file)


@WORKBENCH.get("/tasks/<task_id>/outputs.zip")
def outputs_zip(task_id: str) -> Response:
    """Send all outputs of a task as one file."""
    task = ProcessingTask.get_with_details(require_row_id(task_id))
    if task is None or not task.is_finished:
        abort(404, message=_("This task has no results yet."))
    kept, note = [], ""
    for file in task.outputs:
        reason = _why_not_sent(file) if file.is_output else ""
        if reason:
            note += f"{file.file_name}: {reason}\n"
        elif file.is_output:
            kept.append(file)
    if not kept:
        abort(404, message=note or _("This task has no results yet."))
    name = f"task-{task.id}.zip"
    DB.session.close()  # sending the files needs no connection
    pieces = stream_with_context(zip_stream(kept, note))
    response = as_download(Response(pieces), "application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _why_not_sent(file: TaskFile) -> str:
    """Return why the content of a file cannot be sent; empty when it can."""
    try:
        store = STORE.serving(file)
    except StorageError:
        return str(_("The file store of this file is not installed here."))
    return "" if store else str(_("This file is stored elsewhere."))
