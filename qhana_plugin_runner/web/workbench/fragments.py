"""Parts of pages, which the scripts of the workbench put into dialogs."""

import re
from typing import Any

import marshmallow as ma
from flask import Response, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _
from flask_smorest import abort
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from webargs.flaskparser import FlaskParser

from ...api.files import send_from, store_of
from ...api.tasks import require_row_id
from ...api.util import MaBaseSchema
from ...db import DB
from ...db.models.tasks import ProcessingTask, TaskFile
from ...storage import STORE, StorageError
from . import WORKBENCH
from .archive import zipped
from .catalogue import PluginEntry, catalogue
from .file_urls import download_url, find_file, is_elsewhere
from .files import FileFilter, find_files
from .preview import MOST_ROWS, preview_of
from .related import Relation, find_related
from .uses import uses_of

__all__ = ["WantedPlugins"]

SHOWN_FILES = 25
"""Files of a page in a dialog."""

_ID = ma.validate.Range(1, 2**31 - 1)
_SHORT = ma.validate.Length(max=500)


class _Parser(FlaskParser):
    """Takes what is wrong in a query to the error handlers of the app."""

    DEFAULT_VALIDATION_STATUS = 422


_PARSER = _Parser()


class QuerySchema(MaBaseSchema):
    class Meta:
        unknown = ma.EXCLUDE


class FileQuerySchema(QuerySchema):
    data_type = ma.fields.String(load_default="", validate=_SHORT)
    content_type = ma.fields.List(
        ma.fields.String(validate=_SHORT),
        load_default=list,
        validate=ma.validate.Length(max=50),
    )
    q = ma.fields.String(load_default="", validate=ma.validate.Length(max=200))
    cursor = ma.fields.Integer(load_default=None, validate=_ID)

    def wanted(self, query: dict[str, Any]) -> FileFilter:
        types = [each for text in query["content_type"] for each in text.split()]
        return FileFilter(query["data_type"], types, query["q"])


class RelatedQuerySchema(FileQuerySchema):
    url = ma.fields.String(required=True, validate=ma.validate.Length(min=1))
    relation = ma.fields.Enum(Relation, by_value=True, load_default=Relation.ANY)
    include_self = ma.fields.Boolean(load_default=False)


class PluginQuerySchema(QuerySchema):
    tag = ma.fields.List(
        ma.fields.String(validate=_SHORT),
        load_default=list,
        validate=ma.validate.Length(max=50),
    )
    name = ma.fields.String(load_default="", validate=_SHORT)
    version = ma.fields.String(load_default="", validate=_SHORT)
    q = ma.fields.String(load_default="", validate=ma.validate.Length(max=200))

    @ma.validates("version")
    def _check_version(self, value: str, **_kwargs: Any) -> None:
        try:
            specifiers(value)
        except InvalidSpecifier as error:
            raise ma.ValidationError(str(error)) from error


class UrlQuerySchema(QuerySchema):
    url = ma.fields.String(required=True, validate=ma.validate.Length(min=1))


def specifiers(version: str) -> SpecifierSet:
    """Read which versions are wanted; a version alone stands for itself.

    >>> "1.2" in specifiers(">= v1.0, <2"), "1.2" in specifiers("v1.2.0"), "2" in specifiers("")
    (True, True, True)

    Raises:
        InvalidSpecifier: it is neither
    """
    text = re.sub(r"(?<![\w.])v(?=\d)", "", version.strip())
    return SpecifierSet(f"=={text}" if text[:1].isdigit() else text, prereleases=True)


class WantedPlugins:
    """Which plugins somebody may choose.

    Args:
        tags: that a plugin has; one that begins with ``!`` it must not have
        name: its name; empty for any
        version: see :func:`specifiers`
        text: words that are in its name, title, description or tags
    """

    def __init__(self, tags: list[str], name: str, version: str, text: str) -> None:
        words = [word for tag in tags for word in tag.split()]
        self._tags = {word for word in words if not word.startswith("!")}
        self._not_tags = {word[1:] for word in words if word.startswith("!")}
        self._name, self._text = name, text.lower().split()
        self._versions = specifiers(version)

    def __contains__(self, plugin: PluginEntry) -> bool:
        tags = set(plugin.tags)
        texts = (plugin.name, plugin.title, plugin.description, *plugin.tags)
        text = " ".join(texts).lower()
        return (
            self._tags <= tags
            and not self._not_tags & tags
            and self._name in ("", plugin.name)
            and plugin.parsed_version in self._versions
            and all(word in text for word in self._text)
        )


def _read(schema: MaBaseSchema) -> dict[str, Any]:
    query: dict[str, Any] = _PARSER.parse(schema, request, location="query")
    return query


@WORKBENCH.get("/files/")
def files() -> str:
    """The outputs of tasks, to choose one."""
    schema = FileQuerySchema()
    query = _read(schema)
    found = find_files(schema.wanted(query), query["cursor"], SHOWN_FILES)
    next_url = None
    if found.next is not None:
        others: dict[str, Any] = request.args.to_dict(flat=False)
        next_url = url_for("workbench.files", **{**others, "cursor": found.next})
    return render_template(
        "runner/workbench/files.html",
        files=found.files,
        next_url=next_url,
        search=request.args,
        download_url=download_url,
    )


@WORKBENCH.get("/related")
def related() -> str:
    """The files that have to do with one, to choose one of them."""
    schema = RelatedQuerySchema()
    query = _read(schema)
    found = find_related(
        query["url"], query["relation"], schema.wanted(query), query["include_self"]
    )
    return render_template(
        "runner/workbench/files.html",
        files=found,
        next_url=None,
        search=request.args,
        download_url=download_url,
    )


@WORKBENCH.get("/plugins/")
def plugins() -> str:
    """The plugins, to choose one."""
    query = _read(PluginQuerySchema())
    wanted = WantedPlugins(query["tag"], query["name"], query["version"], query["q"])
    found = [plugin for plugin in catalogue() if plugin in wanted]
    return render_template(
        "runner/workbench/plugins.html", plugins=found, search=request.args
    )


@WORKBENCH.get("/preview")
def preview() -> str:
    """A file, as well as the runner can show it, and what can be done with it."""
    url = _read(UrlQuerySchema())["url"]
    file = find_file(url)
    if file is None:
        if not is_elsewhere(url):
            abort(404, message=_("The URL is not that of a file of this runner."))
        return render_template("runner/workbench/elsewhere.html", url=url)
    return render_template(
        "runner/workbench/preview.html",
        file=file,
        href=download_url(file),
        content_url=url_for(".content", url=download_url(file)),
        preview=preview_of(file),
        most_rows=MOST_ROWS,
        uses=uses_of(file, catalogue()),
    )


@WORKBENCH.get("/content")
def content() -> Response:
    """A file, sent by the runner itself: the pages show nothing that comes from other hosts."""
    file = find_file(_read(UrlQuerySchema())["url"])
    if file is None:
        abort(404, message=_("The URL is not that of a file of this runner."))
    return send_from(store_of(file), file)


@WORKBENCH.get("/tasks/<task_id>/outputs.zip")
def outputs_zip(task_id: str) -> Response:
    """All outputs of a task in one file."""
    task = ProcessingTask.get_with_details(require_row_id(task_id))
    if task is None or not task.is_finished:
        abort(404, message=_("There are no results of this task yet."))
    outputs = [file for file in task.outputs if file.is_output]
    reasons = [_why_not_sent(file) for file in outputs]
    kept = [file for file, reason in zip(outputs, reasons) if not reason]
    note = "".join(
        f"{file.file_name}: {reason}\n"
        for file, reason in zip(outputs, reasons)
        if reason
    )
    if not kept:
        abort(404, message=note or _("There are no results of this task yet."))
    name = f"task-{task.id}.zip"
    DB.session.close()  # while the files are sent, nothing of the database is needed
    pieces = stream_with_context(zipped(kept, note))
    response = Response(pieces, mimetype="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _why_not_sent(file: TaskFile) -> str:
    """Return why the content of a file cannot be sent; empty when it can."""
    try:
        store = STORE.serving(file)
    except StorageError:
        return str(_("The store that keeps this file is not installed here."))
    return "" if store else str(_("This file is kept elsewhere."))
