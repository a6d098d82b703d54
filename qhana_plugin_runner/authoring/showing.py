"""The page of a visualization that draws when it is opened."""

import inspect
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import marshmallow as ma
from flask import current_app, render_template, request
from flask_babel import gettext as _
from marshmallow.exceptions import SCHEMA as SCHEMA_ERRORS
from requests import RequestException
from werkzeug.datastructures import MultiDict

from ..api.plugin_schemas import PluginType
from ..errors import RunnerError
from ..requests.policy import FetchRefused
from ..security.headers import use_policy
from ..security.sites import sites_of
from .annotations import Kind
from .figures import Figure, Page
from .inputs import arguments_of
from .parameters import evaluated
from .task import Task

if TYPE_CHECKING:
    from .decorator import Plugin

DATA_URL = "data-url"
"""The parameter with which hosts open each visualization for a file."""


def is_shown(plugin: "Plugin[Any, Any]") -> bool:
    """Whether the page of a plugin shows what the function returns, which its annotation says."""
    if plugin.about.type != PluginType.visualization.value:
        return False
    annotation = inspect.signature(plugin.fn).return_annotation
    return _names_shown(evaluated(plugin.fn, annotation))


def _names_shown(annotation: Any) -> bool:
    """Whether an annotation is that of something to show, or of a dictionary with it."""
    is_shown = annotation in (Figure, Page)
    return is_shown or any(map(_names_shown, typing.get_args(annotation)))


def render_view(plugin: "Plugin[Any, Any]", data: Mapping[str, str], process: str) -> str:
    """Render the page of a visualization for what was sent."""
    schema = plugin.schema(unknown=ma.EXCLUDE)
    values = _with_file(plugin, data)
    errors: dict[str, Any] = schema.validate(values) if values else {}
    shown = None
    if values and sites_of(current_app).is_led_by_strangers(request.environ):
        # it could make the runner fetch what it cannot reach itself
        errors = {SCHEMA_ERRORS: [_("A page of another site led here: press “show”.")]}
    if values and not errors:
        try:
            shown = _draw(plugin, schema.load(values))
            use_policy(shown.policy)
        except (RunnerError, ValueError, RequestException) as error:
            errors = {SCHEMA_ERRORS: [_reason(error)]}
    return render_template(
        "view_template.html",
        name=plugin.about.title,
        version=plugin.about.version,
        schema=schema,
        schema_extras=_extras(shown),
        values=values,
        errors=errors,
        shown=shown,
        process=process,
        help_text=plugin.about.description,
    )


def _with_file(
    plugin: "Plugin[Any, Any]", data: Mapping[str, str]
) -> MultiDict[str, str]:
    """Return what was sent, with the file of the host in the first field that takes one."""
    values: MultiDict[str, str] = MultiDict(data)
    url = values.pop(DATA_URL, "")
    for each in plugin.parameters:
        if each.kind in (Kind.ENTITIES, Kind.FILE):
            if url and not values.get(each.key):
                values[each.key] = url
            break
    return values


def _draw(plugin: "Plugin[Any, Any]", values: Mapping[str, Any]) -> Figure | Page:
    task = Task()  # named: its folder goes with it
    returned = plugin.fn(**arguments_of(plugin.parameters, values, task))
    for each in returned.values() if isinstance(returned, Mapping) else [returned]:
        if isinstance(each, (Figure, Page)):
            return each
    raise ValueError(_("There is nothing to show; submit makes a file."))


def _reason(error: Exception) -> str:
    """Return what people read about an error, without the URL: they see it in the form."""
    text = str(error)
    if isinstance(error, RequestException) and not isinstance(error, FetchRefused):
        text = _("The file cannot be fetched: its server does not answer.")
        if error.response is not None:
            status = f"{error.response.status_code} {error.response.reason or ''}".strip()
            text = _(
                "The file cannot be fetched: its server answers %(status)s.",
                status=status,
            )
    return text


def _extras(shown: Figure | Page | None) -> dict[str, dict[str, Any]]:
    """Return metadata of fields that let the form offer choices."""
    choices = shown.choices if shown else {}
    return {
        name: {
            "input_type": "select",
            "options": {"": "", **{each: each for each in values}},
        }
        for name, values in choices.items()
    }
