"""Errors of plugins as their authors want to see them; in debug mode only."""

import re
import sys
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import NotFound
from werkzeug.http import HTTP_STATUS_CODES

from ..plugins.about import module_name, place_of
from ..plugins.failures import PluginFailure
from ..plugins.loading import file_of_module, loaded_plugins
from ..util.logging import plugin_of_request
from .negotiation import html_page, wants_html
from .openapi import ROOT_API, api_path


def register_debug_errors(app: Flask) -> None:
    """Show the causes of errors, if the app is in debug mode."""
    if not app.debug or app.testing:
        return
    starts = [api_path(app, "/plugins/"), "/workbench/plugins/"]

    @app.errorhandler(Exception)
    def view_failed(error: Exception) -> Response:
        app.log_exception(sys.exc_info())
        failure = PluginFailure.from_exception(*_current_plugin(), "view", error)
        return _response(500, [failure])

    @app.errorhandler(NotFound)
    def nothing_there(error: NotFound) -> Any:
        for start in starts:
            if request.path.startswith(start):
                identifier = request.path.removeprefix(start).partition("/")[0]
                if failures := _failures_behind(identifier):
                    return _response(503, failures)
        return ROOT_API.handle_http_exception(error)


def _current_plugin() -> tuple[str, str]:
    """Return the name and the file of the plugin whose view has failed."""
    identifier = plugin_of_request() or ""
    plugin = loaded_plugins().mounted.get(identifier)
    return identifier, file_of_module(type(plugin).__module__) if plugin else ""


def _failures_behind(identifier: str) -> list[PluginFailure]:
    """Return why a plugin is not served; nothing when it is unknown."""
    registry = loaded_plugins()
    if not identifier or identifier in registry.mounted:
        return []
    if registry.versions_of(identifier):
        return []
    named = [each for each in registry.failures if each.name == identifier]
    failed = [each for each in registry.failures if not each.is_note]
    name = identifier.partition("@")[0]
    return named or [each for each in failed if _may_be_named(each.file, name)]


def _may_be_named(file: str, name: str) -> bool:
    """Whether a file may define a plugin of this name: only its text tells, if it has an error."""
    word, place = name.replace("-", "_"), place_of(file)
    files = [place] if place.suffix == ".py" else place.glob("*.py")
    if module_name(file).replace("-", "_") == word:
        return True
    defined = re.compile(rf"""["']{re.escape(name)}["'@]|\bdef {re.escape(word)}\(""")
    return any(defined.search(_text(each)) for each in files)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""


def _response(code: int, failures: list[PluginFailure]) -> Response:
    if wants_html():
        response = html_page("failures", failures, code)
        response.status_code = code
        return response
    first = failures[0]
    file, line = first.place or (first.file, None)
    response = jsonify(
        code=code,
        status=HTTP_STATUS_CODES[code],
        message="; ".join(failure.error for failure in failures),
        file=file,
        line=line,
        advice=str(first.advice),
        frames=list(first.frames),
    )
    response.status_code = code
    response.vary.add("Accept")
    return response
