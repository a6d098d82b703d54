"""The queries of the workbench's resources."""

from typing import Any

import marshmallow as ma
from flask import request, url_for
from webargs.flaskparser import FlaskParser

from ...api.util import MaBaseSchema
from ...db.models.tasks import TaskFile
from .catalogue import PluginFilter, specifiers
from .files import FileFilter, find_files
from .related import Relation

_CURSOR = ma.validate.Range(1, 2**31 - 1)
_SHORT = ma.validate.Length(max=500)
_SEARCH = ma.validate.Length(max=200)


class _Parser(FlaskParser):
    DEFAULT_VALIDATION_STATUS = 422


def _words(texts: list[str]) -> list[str]:
    return [word for text in texts for word in text.split()]


def _word_list() -> ma.fields.List[str]:
    return ma.fields.List(
        ma.fields.String(validate=_SHORT),
        load_default=list,
        validate=ma.validate.Length(max=50),
    )


class UrlQuerySchema(MaBaseSchema):
    url = ma.fields.String(required=True, validate=ma.validate.Length(min=1))


class PreviewQuerySchema(UrlQuerySchema):
    brief = ma.fields.Boolean(load_default=False)


class FileQuerySchema(MaBaseSchema):
    data_type = ma.fields.String(load_default="", validate=_SHORT)
    content_type = _word_list()
    q = ma.fields.String(load_default="", validate=_SEARCH)
    cursor = ma.fields.Integer(load_default=None, validate=_CURSOR)

    @ma.post_load
    def _add_filter(self, query: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        types = _words(query["content_type"])
        return {**query, "wanted": FileFilter(query["data_type"], types, query["q"])}


class RelatedQuerySchema(UrlQuerySchema, FileQuerySchema):
    relation = ma.fields.Enum(Relation, by_value=True, load_default=Relation.ANY)
    include_self = ma.fields.Boolean(load_default=False)


class PluginQuerySchema(MaBaseSchema):
    tag = _word_list()
    name = ma.fields.String(load_default="", validate=_SHORT)
    version = ma.fields.String(load_default="", validate=_SHORT)
    q = ma.fields.String(load_default="", validate=_SEARCH)

    @ma.validates("version")
    def _check_version(self, value: str, **_kwargs: Any) -> None:
        try:
            specifiers(value)
        except ValueError as error:
            raise ma.ValidationError(str(error)) from error

    @ma.post_load
    def _to_filter(self, query: dict[str, Any], **_kwargs: Any) -> PluginFilter:
        tags = _words(query["tag"])
        return PluginFilter(
            query["q"], tags, name=query["name"], version=query["version"]
        )


def asked_files(query: dict[str, Any], limit: int) -> tuple[list[TaskFile], str | None]:
    """Return a page of the files that a query asks for, and the URL of the next one."""
    found = find_files(query["wanted"], query["cursor"], limit)
    if found.next is None:
        return found.files, None
    arguments: dict[str, Any] = {**request.args.to_dict(flat=False), "cursor": found.next}
    return found.files, url_for(str(request.endpoint), **arguments)


def read_query(schema: MaBaseSchema) -> Any:
    """Load the query of the current request; errors in it end the request with 422."""
    return _Parser().parse(schema, request, location="query")
