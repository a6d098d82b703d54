"""The JSON Schema of each form: what a process view takes, for clients that send no form.

A form endpoint is one whose view takes arguments from forms or files. Its schema is made when it
is wanted first, by the converter that makes the OpenAPI document, too.
"""

import inspect
import json
import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit
from weakref import WeakKeyDictionary

from flask import Flask, Response, current_app, g, request, template_rendered, url_for
from flask.views import MethodView
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_smorest import abort
from werkzeug.exceptions import HTTPException

from ..forms.json_schema import json_schema
from ..plugins.loading import loaded_plugins
from ..util.flask_app import Environ, Head, RunnerFlask
from .answers import CachedAnswer
from .util import SecurityBlueprint

SCHEMAS_API = SecurityBlueprint(
    "schemas-api",
    __name__,
    url_prefix="/schemas",
    description="The JSON Schemas of forms.",
)

MEDIA_TYPE = "application/schema+json"

_PORTS = {"http": 80, "https": 443}

_ENDPOINTS = "qhana_form_endpoints"

_logger = logging.getLogger(__name__)

_found: WeakKeyDictionary[Callable[..., Any], dict[str, Any] | None] = WeakKeyDictionary()
"""The schemas by the functions of views, which live as long as the apps that serve them."""


@SCHEMAS_API.route("/<path:name>/")
class FormSchemaView(MethodView):
    """What one endpoint takes as a form."""

    @SCHEMAS_API.response(200, {"type": "object"}, content_type=MEDIA_TYPE)
    @SCHEMAS_API.alt_response(304, description="The client has this schema already.")
    @SCHEMAS_API.alt_response(404, description="No form is sent to this endpoint.")
    def get(self, name: str) -> Response:
        """The JSON Schema (2020-12) of the form that is sent to an endpoint."""
        schema = form_schema(name)
        if schema is None:
            message = _("There is no form for the endpoint %(name)r.", name=name[:100])
            abort(404, message=message)
        answer = CachedAnswer.of_text(json.dumps(schema).encode())
        response = answer.response()
        response.mimetype = MEDIA_TYPE
        return response


def form_schema(endpoint: str) -> dict[str, Any] | None:
    """Return the JSON Schema of the form that is sent to an endpoint of the current app.

    Args:
        endpoint: its name in Flask, such as ``hello-world@v1-0-0.ProcessView``.

    Returns:
        ``None`` where no form is sent, or when the schema cannot be made. It must not be changed.
    """
    view = current_app.view_functions.get(endpoint)
    if view is None:
        return None
    if view not in _found:
        _found[view] = _make_schema(endpoint, view)
    return _found[view]


def _make_schema(endpoint: str, view: Callable[..., Any]) -> dict[str, Any] | None:
    for method in ("POST", "PUT", "PATCH"):
        function, taken = view_arguments(view, method)
        schemas = [schema for place, schema in taken if place in ("form", "files")]
        if not schemas:
            continue
        try:
            with force_locale("en"):  # one schema is for all clients
                schema = json_schema(*schemas)
        except Exception:  # schemas are foreign code, too
            _logger.warning("no JSON Schema of the form for %s", endpoint, exc_info=True)
            return None
        if about := inspect.getdoc(function):
            schema.setdefault("description", about.splitlines()[0])
        return schema
    return None


def view_arguments(
    view: Callable[..., Any], method: str
) -> tuple[Callable[..., Any] | None, list[tuple[str, Any]]]:
    """Return the function of a view for a method, and what ``@BLP.arguments`` says that it takes.

    Returns:
        the function, ``None`` when there is none, and location (``form``, ``files``, ``query``,
        ...) and schema of each argument.
    """
    view_class = getattr(view, "view_class", None)
    function = getattr(view_class, method.lower(), None) if view_class else view
    documented = getattr(function, "_apidoc", {}).get("arguments", {})
    taken = documented.get("parameters", ())
    return function, [
        (each["in"], each["schema"])
        for each in taken
        if isinstance(each, Mapping) and "schema" in each
    ]


def form_endpoint(href: str, base: str | None = None) -> str | None:
    """Return the endpoint that gets the form that is sent to a URL.

    Args:
        href: where the form is sent.
        base: what it is relative to; the URL of the request where it is not given.

    Returns:
        ``None`` where this is no endpoint of this runner, by the host name of the request
        or ``SERVER_NAME``.
    """
    asked = request._get_current_object()  # type: ignore[attr-defined]
    place = None if base else (asked.scheme, asked.path)
    key = (href, base, place, asked.environ.get("HTTP_HOST"), asked.root_path)
    found: str | None = current_app.extensions[_ENDPOINTS](*key)
    return found


def _find_endpoint(href: str, base: str | None, *_place: Any) -> str | None:
    own = (request.host, current_app.config["SERVER_NAME"] or request.host)
    try:
        parts = urlsplit(urljoin(base or request.base_url, href))
        if parts.scheme not in _PORTS or _host_of(parts) not in {
            _host_of(urlsplit(f"{parts.scheme}://{each}")) for each in own
        }:
            return None
    except ValueError:
        return None
    path = unquote(parts.path).removeprefix(request.script_root)
    return endpoint_of(current_app, path, "POST")


def endpoint_of(app: Flask, path: str, method: str = "GET") -> str | None:
    """Return the endpoint that takes requests for a path; ``None`` when there is none."""
    try:
        return str(app.url_map.bind("").match(path, method)[0])
    except HTTPException:
        return None


def _host_of(parts: SplitResult) -> tuple[str | None, int]:
    """Return the host, in lowercase, and the port, which may be that of the scheme."""
    return parts.hostname, parts.port or _PORTS[parts.scheme]


def schema_url(href: str, base: str | None = None) -> str | None:
    """Return the URL of the schema of the form that is sent to a URL.

    Takes what :func:`form_endpoint` takes; ``None`` where there is no such schema.
    """
    endpoint = form_endpoint(href, base)
    return _url_of(endpoint) if endpoint else None


def _url_of(endpoint: str) -> str | None:
    if form_schema(endpoint) is None:
        return None
    return url_for("schemas-api.FormSchemaView", name=endpoint, _external=True)


def register_schema_links(app: RunnerFlask) -> None:
    """Link the forms of plugins, and where these are sent, to their schemas."""

    app.extensions[_ENDPOINTS] = lru_cache(2_000)(_find_endpoint)

    def see_form(_app: Flask, context: Mapping[str, Any], **_more: Any) -> None:
        if isinstance(context.get("process"), str):
            g.form_target = context["process"]

    template_rendered.connect(see_form, app, weak=False)

    def add_link(environ: Environ, head: Head) -> None:
        endpoint = environ["werkzeug.request"].endpoint
        if endpoint is None or loaded_plugins().plugin_of(endpoint) is None:
            return
        target = g.pop("form_target", None)
        url = schema_url(target) if target else _url_of(endpoint)
        if url:
            head.add("Link", f'<{url}>; rel="describedby"; type="{MEDIA_TYPE}"')

    app.head_funcs.append(add_link)
