"""The plugins of this runner with all that their metadata tells.

The metadata is what the plugins' views answer, so they are asked: by a call inside of this
process, as if a client on the host of the current request had sent it. What they answer is kept
for a while.
"""

import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from flask import Flask, current_app, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import EnvironBuilder, run_wsgi_app

from ...api.openapi import api_path
from ...api.plugins import plugin_url
from ...db import DB
from ...db.models.virtual_plugins import VirtualPlugin
from ...forms.jinja_helpers import current_language
from ...plugins.failures import without_folders
from ...plugins.loading import plugin_registry
from .plugin_entries import PluginData, PluginEntry, with_metadata

__all__ = [
    "PluginData",
    "PluginEntry",
    "catalogue",
    "find",
    "find_by_url",
    "register_catalogue",
]

KEPT = 60.0
"""Seconds for which an answer counts: metadata hardly ever changes while a runner runs."""

PAUSE = 0.1
"""Seconds of a page that may go into asking again: of many plugins, each page asks a few."""

KEPT_ROOTS = 16
"""Pairs of root URL and language whose answers are kept; clients may make up host names."""

_logger = logging.getLogger(__name__)


class _Answers:
    """What plugins have told, by their URLs, with the times when they were asked."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, PluginEntry]] = {}

    def get(self, entry: PluginEntry) -> PluginEntry | None:
        kept = self._kept.get(entry.metadata_url)
        return kept[1] if kept else None

    def put(self, entry: PluginEntry) -> None:
        self._kept[entry.metadata_url] = (time.monotonic(), entry)

    def asked_at(self, entry: PluginEntry) -> float:
        """When a plugin was asked; long ago when it was not."""
        kept = self._kept.get(entry.metadata_url)
        return kept[0] if kept else -float("inf")

    def forget_all_but(self, entries: list[PluginEntry]) -> None:
        listed = {entry.metadata_url for entry in entries}
        for url in [url for url in list(self._kept) if url not in listed]:
            self._kept.pop(url, None)


class _Catalogues:
    """The answers for each root URL and language that clients use."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, str], _Answers] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, root: str, language: str) -> _Answers:
        with self._lock:
            answers = self._answers.pop((root, language), None) or _Answers()
            self._answers[root, language] = answers
            while len(self._answers) > KEPT_ROOTS:
                self._answers.popitem(last=False)
            return answers


def register_catalogue(app: Flask) -> None:
    """Make room for the answers of an app's plugins; none is asked before a page wants to know."""
    app.extensions["qhana_workbench_catalogue"] = _Catalogues()


def catalogue(virtual: bool = True) -> list[PluginEntry]:
    """Return all plugins by name, the newest version of each first.

    Args:
        virtual: with those that were made by plugins; the database has to be there for them.

    Returns:
        also those whose metadata cannot be had, with the reason
    """
    answers = _answers()
    listed = [*_loaded(), *(_virtual() if virtual else ())]
    if virtual:
        answers.forget_all_but(listed)
    _ask_some(answers, listed)
    entries = [answers.get(entry) or entry for entry in listed]
    entries.sort(key=lambda entry: entry.parsed_version, reverse=True)
    entries.sort(key=lambda entry: entry.name.lower())
    return entries


def find(identifier: str) -> PluginEntry | None:
    """Return a plugin by its identifier, or ``None``; only this one is asked."""
    found = next((entry for entry in _loaded() if entry.identifier == identifier), None)
    if found is None:
        found = next((each for each in _virtual() if each.identifier == identifier), None)
    return None if found is None else _complete(found)


def find_by_url(url: str) -> PluginEntry | None:
    """Return a plugin by the URL of its metadata, whatever name of the host is in it."""
    path = _path_here(url)
    if path is None:
        return None
    for listed in (_loaded, _virtual):
        for entry in listed():
            if _path_in(entry.metadata_url) == path:
                return _complete(entry)
    return None


def _complete(entry: PluginEntry) -> PluginEntry:
    answers = _answers()
    _ask_some(answers, [entry])
    return answers.get(entry) or entry


def _answers() -> _Answers:
    catalogues: _Catalogues = current_app.extensions["qhana_workbench_catalogue"]
    return catalogues.of(request.url_root, current_language())


def _ask_some(answers: _Answers, entries: list[PluginEntry]) -> None:
    """Ask all plugins that were never asked, then others that were asked long ago."""
    now = time.monotonic()
    for entry in sorted(entries, key=answers.asked_at):
        asked_at = answers.asked_at(entry)
        is_known = answers.get(entry) is not None
        if is_known and (now - asked_at < KEPT or time.monotonic() - now > PAUSE):
            break
        answers.put(_ask(entry))


def _loaded() -> Iterator[PluginEntry]:
    """Yield what is known of the mounted plugins without asking them."""
    rules = {rule.rule for rule in current_app.url_map.iter_rules()}
    for identifier, plugin in plugin_registry().mounted.items():
        url = plugin_url(identifier)
        ui_rule = api_path(current_app, f"/plugins/{identifier}/ui/")
        yield PluginEntry(
            identifier=identifier,
            name=plugin.name,
            version=plugin.version,
            title=plugin.name,
            description=plugin.description or "",
            tags=tuple(plugin.tags or ()),
            metadata_url=url,
            ui_url=f"{url}ui/" if ui_rule in rules else None,
        )


def _virtual() -> list[PluginEntry]:
    """Return what is known of the virtual plugins of loaded plugins, without asking them."""
    mounted = plugin_registry().mounted
    parents = [key for entry in mounted.items() for key in (entry[0], entry[1].name)]
    try:
        rows = VirtualPlugin.get_all(for_parents=parents)
    except SQLAlchemyError as error:
        # The other plugins are shown all the same.
        _logger.warning("the virtual plugins cannot be listed: %s", error)
        DB.session.rollback()
        return []
    return [
        PluginEntry(
            identifier=row.identifier,
            name=row.name,
            version=row.version,
            title=row.name,
            description=row.description or "",
            tags=tuple(row.tag_list),
            metadata_url=row.href,
            is_virtual=True,
        )
        for row in rows
    ]


def _path_here(url: str) -> str | None:
    """Return path and query of a URL if a plugin of this runner answers to them, else ``None``."""
    path = _path_in(url)
    if path is None:
        return None
    routes = current_app.url_map.bind("")
    try:
        rule, _values = routes.match(
            unquote(path.partition("?")[0]), "GET", return_rule=True
        )
    except (HTTPException, RequestRedirect):
        return None
    return path if plugin_registry().plugin_of(rule.endpoint) else None


def _path_in(url: str) -> str | None:
    """Return path and query of a URL as the routes of plugins have them.

    Any name of the host will do: the same runner may be known by several. So will any way to
    percent-encode the path.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("", "http", "https"):
        return None
    start = parts.path.find(api_path(current_app, "/plugins/"))
    if start < 0:
        return None
    path = quote(unquote(parts.path[start:]))
    return f"{path}?{parts.query}" if parts.query else path


def _ask(entry: PluginEntry) -> PluginEntry:
    """Ask a plugin for its metadata; what goes wrong is its problem."""
    try:
        path = _path_here(entry.metadata_url)
        if path is None:
            return replace(entry, problem=_why_not_served(entry))
        status, body = _call(path)
    except Exception as error:  # plugins are foreign code
        _logger.warning("no metadata of %s", entry.identifier, exc_info=True)
        reason = without_folders(f"{type(error).__name__}: {error}")
        problem = _("The plugin's metadata view fails: %(reason)s", reason=reason)
        return replace(entry, problem=problem)
    if status != 200:
        problem = _(
            "The plugin's metadata view answers with the status %(code)s.", code=status
        )
        return replace(entry, problem=problem)
    try:
        metadata = json.loads(body)
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        return replace(entry, problem=_("The plugin's metadata is no JSON object."))
    return with_metadata(entry, metadata)


def _why_not_served(entry: PluginEntry) -> str:
    for failure in plugin_registry().failures:
        if failure.name == entry.identifier and not entry.is_virtual:
            return failure.public_error
    return str(_("It is not served by this runner."))


def _call(path: str) -> tuple[int, bytes]:
    """Call a view of this app; the host and the language are those of the current request."""
    builder = EnvironBuilder(
        path=path,
        base_url=request.url_root,
        headers=[("Accept", "application/json"), ("Accept-Language", current_language())],
        environ_base={"REMOTE_ADDR": request.remote_addr or "127.0.0.1"},
    )
    with closing(builder):
        environ: dict[str, Any] = builder.get_environ()
    chunks, status, _headers = run_wsgi_app(current_app.wsgi_app, environ, buffered=True)
    return int(status.split(" ", 1)[0]), b"".join(chunks)
