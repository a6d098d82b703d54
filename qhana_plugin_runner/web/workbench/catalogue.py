"""The plugins of this runner with all that their metadata says.

The metadata is what the plugins' views answer, so they are called inside of this process, as if a
client on the host of the current request had called them. Answers are cached for a while.
"""

import json
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from flask import current_app, g, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.test import Client

from ...api.form_schemas import endpoint_of
from ...api.openapi import api_path
from ...api.plugins import list_plugins
from ...api.uploads import UPLOAD_TASK
from ...db import DB
from ...forms.jinja_helpers import current_language
from ...plugins.about import PluginAbout
from ...plugins.failures import without_folders
from ...plugins.loading import loaded_plugins
from ...util.texts import has_words
from ...util.versions import comparable_version
from .plugin_entries import PluginEntry, with_metadata

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

MAX_AGE = 60.0
"""Seconds for which an answer counts: metadata hardly ever changes while a runner runs."""

MAX_PAUSE = 0.1
"""Seconds of a page that may go into refreshing answers: of many plugins, each page asks a few."""

MAX_CACHES = 16
"""Pairs of root URL and language whose answers are cached; clients may make up host names."""

_logger = logging.getLogger(__name__)

Answers = dict[str, tuple[float, PluginEntry]]
"""By the URLs of plugins: when they were asked, and the entry completed by their metadata."""


def _current_answers() -> Answers:
    """Return the answers for the root URL and the language of the current request."""
    caches: dict[tuple[str, str], Answers]
    caches = current_app.extensions.setdefault("qhana_workbench_catalogue", {})
    key = request.url_root, current_language()
    if key not in caches and len(caches) >= MAX_CACHES:
        caches.pop(next(iter(caches)), None)
    return caches.setdefault(key, {})


@dataclass(frozen=True)
class PluginFilter:
    """Which plugins are wanted; an empty member stands for all.

    Attributes:
        text: Words that all have to be in name, title, description or tags.
        tags: Tags that a plugin has; one that begins with ``!`` it must not have.
        name: The name of the plugin.
        type: The type of the plugin.
        version: See :func:`specifiers`.
    """

    text: str = ""
    tags: Sequence[str] = ()
    name: str = ""
    type: str = ""
    version: str = ""

    def matches(self, plugin: PluginEntry | PluginAbout) -> bool:
        """Whether a plugin is wanted, which is also asked of those that are not served."""
        texts = (plugin.name, plugin.title, plugin.description, *plugin.tags)
        return (
            all(
                (tag.lstrip("!") in plugin.tags) != tag.startswith("!")
                for tag in self.tags
            )
            and self.name in ("", plugin.name)
            and self.type in ("", plugin.type)
            and (
                not self.version
                or comparable_version(plugin.version) in specifiers(self.version)
            )
            and has_words(self.text, *texts)
        )


def specifiers(version: str) -> "SpecifierSet":
    """Read which versions are wanted; a version alone stands for itself.

    >>> "1.2" in specifiers(">= v1.0, <2"), "1.2" in specifiers("v1.2.0"), "2" in specifiers("")
    (True, True, True)

    Raises:
        ValueError: The text is neither.
    """
    from packaging.specifiers import SpecifierSet  # only who asks for versions needs it

    text = re.sub(r"(?<![\w.])v(?=\d)", "", version.strip())
    return SpecifierSet(f"=={text}" if text[:1].isdigit() else text, prereleases=True)


def catalogue(virtual: bool = True) -> list[PluginEntry]:
    """Return all plugins by name, the newest version of each first.

    Plugins whose metadata is not available are listed with the reason.

    Args:
        virtual: Whether to include the plugins made by plugins, which needs the database.
    """
    listed = _listed(virtual)
    if virtual:
        answers = _current_answers()
        for url in set(answers).difference(entry.metadata_url for entry in listed):
            answers.pop(url, None)
    entries = _completed(listed)
    entries.sort(key=lambda entry: entry.parsed_version, reverse=True)
    entries.sort(key=lambda entry: entry.name.lower())
    return entries


def find_plugin(identifier: str) -> PluginEntry | None:
    """Return a plugin by its identifier, or ``None``; only this one is asked."""
    for virtual in (False, True):
        for entry in _listed(virtual):
            if entry.identifier == identifier:
                return _completed([entry])[0]
    return None


def asked_plugin(identifier: str) -> PluginEntry | None:
    """Return what a plugin has answered, however long ago; ``None`` when it was not asked."""
    entries = (entry for _asked_at, entry in [*_current_answers().values()])
    return next((entry for entry in entries if entry.identifier == identifier), None)


def task_title(plugin: str | None, task_name: str | None, task_id: int) -> str:
    """Return what a task is called: the title of its plugin, as far as it is known.

    Args:
        plugin: The identifier of its plugin.
        task_name: The name of the Celery task that was started.
        task_id: Its id.
    """
    if plugin:
        titles: dict[str, str] = g.setdefault("plugin_titles", {})
        if plugin not in titles:
            found = asked_plugin(plugin) or find_plugin(plugin)
            titles[plugin] = found.title if found else plugin
        return titles[plugin]
    if task_name == UPLOAD_TASK:
        return str(_("Upload"))
    return task_name or str(_("Task %(id)s", id=task_id))


def find_plugin_by_url(url: str) -> PluginEntry | None:
    """Return a plugin by the URL of its metadata, whatever host name is in the URL."""
    path = _served_path(url)
    for entry in _listed() if path is not None else ():
        if _path_in(entry.metadata_url) == path:
            return _completed([entry])[0]
    return None


def _listed(virtual: bool = True) -> list[PluginEntry]:
    """Return what is known of the plugins without asking them."""
    try:
        listed = list_plugins(virtual)
    except SQLAlchemyError as error:
        _logger.warning("the virtual plugins cannot be listed: %s", error)
        DB.session.rollback()
        listed = list_plugins(virtual=False)  # shown all the same
    rules = {rule.rule for rule in current_app.url_map.iter_rules()}
    entries = []
    for each in listed:
        identifier, url = each["identifier"], each["api_root"]
        ui_rule = api_path(current_app, f"/plugins/{identifier}/ui/")
        entries.append(
            PluginEntry(
                identifier=identifier,
                name=each["name"],
                version=each["version"],
                title=each["name"],
                description=each["description"] or "",
                tags=tuple(each["tags"]),
                metadata_url=url,
                ui_url=(
                    f"{url}ui/" if not each["is_virtual"] and ui_rule in rules else None
                ),
                is_virtual=each["is_virtual"],
            )
        )
    return entries


def _completed(entries: list[PluginEntry]) -> list[PluginEntry]:
    """Complete entries by metadata.

    Plugins that were never asked are asked now, others when their answers are old, as far as time
    allows.
    """
    answers = _current_answers()
    never = -float("inf")
    began = time.monotonic()

    def asked_at(entry: PluginEntry) -> float:
        return answers[entry.metadata_url][0] if entry.metadata_url in answers else never

    for entry in sorted(entries, key=asked_at):
        now = time.monotonic()
        is_fresh = began - asked_at(entry) < MAX_AGE or now - began > MAX_PAUSE
        if is_fresh and asked_at(entry) > never:
            continue  # another request may have asked this one meanwhile, and not the next
        answers[entry.metadata_url] = (now, _ask(entry))
    return [answers.get(entry.metadata_url, (never, entry))[1] for entry in entries]


def _served_path(url: str) -> str | None:
    """Return path and query of a URL if a plugin of this runner answers to them, else ``None``."""
    path = _path_in(url)
    if path is None:
        return None
    endpoint = endpoint_of(current_app, unquote(path.partition("?")[0]))
    return path if loaded_plugins().plugin_of(endpoint) else None


def _path_in(url: str) -> str | None:
    """Return path and query of a URL as the routes of plugins have them.

    The runner may have several host names, and paths may be percent-encoded in several ways.
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
    """Complete an entry by the metadata of its plugin, or by the reason why there is none."""
    reason = ""
    try:
        path = _served_path(entry.metadata_url)
        if path is None:
            return replace(entry, problem=_why_not_served(entry))
        status, body = _call(path)
        reason = _reason_in(body) if status == 500 else ""
    except Exception as error:  # plugins are foreign code
        _logger.warning("no metadata of %s", entry.identifier, exc_info=True)
        reason = without_folders(f"{type(error).__name__}: {error}")
    if reason:
        problem = _("The plugin's metadata view failed: %(reason)s", reason=reason)
        return replace(entry, problem=problem)
    if status != 200:
        problem = _("The plugin's metadata view returned status %(code)s.", code=status)
        return replace(entry, problem=problem)
    try:
        metadata = json.loads(body)
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        return replace(entry, problem=_("The plugin's metadata is not a JSON object."))
    return with_metadata(entry, metadata)


def _reason_in(body: bytes) -> str:
    """Return the reason in an error response, which tells the cause in debug mode only."""
    try:
        return str(json.loads(body)["message"]) if current_app.debug else ""
    except (ValueError, TypeError, KeyError):
        return ""


def _why_not_served(entry: PluginEntry) -> str:
    for failure in loaded_plugins().failures:
        if failure.name == entry.identifier and not entry.is_virtual:
            return failure.public_error
    return str(_("It is not served by this runner."))


def _call(path: str) -> tuple[int, bytes]:
    """Call a view of this app with the host name, client and language of the current request."""
    answer = Client(current_app.wsgi_app, use_cookies=False).get(
        path,
        base_url=request.url_root,
        headers=[("Accept", "application/json"), ("Accept-Language", current_language())],
        environ_base={
            "REMOTE_ADDR": request.remote_addr or "127.0.0.1",
            "HTTP_USER_AGENT": request.headers.get("User-Agent", ""),
        },
    )
    return answer.status_code, answer.data
