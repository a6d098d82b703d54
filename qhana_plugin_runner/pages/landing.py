"""The landing page: what a person finds at the entrance of the API."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from flask import current_app, url_for
from packaging.version import Version
from sqlalchemy.exc import SQLAlchemyError

from ..db import DB
from ..db.models.virtual_plugins import VirtualPlugin
from ..util.plugins import PluginFailure, PluginRegistry
from .docs import docs_links
from .parts import Part, State, look_at_parts

__all__ = ["landing_page_data"]

_logger = logging.getLogger(__name__)


@dataclass
class PluginCard:
    """A plugin as the page shows it.

    Attributes:
        form_url: its micro frontend, when it is at the usual place.
        metadata_url: where programs start; every plugin that works has it.
        problems: what does not work although the plugin is served.
    """

    name: str
    version: str
    description: str
    tags: list[str]
    form_url: str | None
    metadata_url: str | None
    problems: list[PluginFailure] = field(default_factory=list)


def landing_page_data() -> dict[str, Any]:
    """Return the variables of the template ``runner/landing.html``.

    The page is there to be read when something does not work: whatever is down, it is shown.
    """
    registry: PluginRegistry = current_app.extensions["qhana_plugins"]
    parts = look_at_parts()
    plugins = _loaded_plugins(registry)
    served = {id(problem) for plugin in plugins for problem in plugin.problems}
    return {
        "title": current_app.config["API_TITLE"],
        "plugins": plugins,
        "virtual_plugins": _virtual_plugins(registry, parts),
        "failures": [
            (_short_source(failure.source), failure)
            for failure in registry.failures
            if id(failure) not in served
        ],
        "parts": parts,
        "docs": docs_links(),
        "debug_url": url_for("debug.index") if current_app.debug else None,
    }


def _loaded_plugins(registry: PluginRegistry) -> list[PluginCard]:
    """Return the mounted plugins by name, the newest version of each first."""
    root = url_for("api-root.RootView")
    rules = {rule.rule for rule in current_app.url_map.iter_rules()}
    cards: list[tuple[str, Version, PluginCard]] = []
    for identifier, plugin in registry.mounted.items():
        url = f"{root}plugins/{quote(identifier, safe='@')}/"
        card = PluginCard(
            name=plugin.name,
            version=plugin.version,
            description=plugin.description or "",
            tags=list(plugin.tags or ()),
            form_url=f"{url}ui/" if f"/plugins/{identifier}/ui/" in rules else None,
            metadata_url=url if f"/plugins/{identifier}/" in rules else None,
            problems=list(_failures_of(identifier, registry.failures)),
        )
        cards.append((plugin.name.lower(), plugin.parsed_version, card))
    cards.sort(key=lambda entry: entry[1], reverse=True)
    cards.sort(key=lambda entry: entry[0])
    return [card for *_, card in cards]


def _failures_of(
    identifier: str, failures: Iterable[PluginFailure]
) -> Iterable[PluginFailure]:
    for failure in failures:
        if failure.source == identifier or failure.source.startswith(f"{identifier} ("):
            yield failure


def _virtual_plugins(registry: PluginRegistry, parts: list[Part]) -> list[PluginCard]:
    """Return the virtual plugins of loaded plugins; none while the database is not ready."""
    if Part("database", State.UP) not in parts:
        return []
    parents = [
        key for entry in registry.mounted.items() for key in (entry[0], entry[1].name)
    ]
    try:
        found = VirtualPlugin.get_all(for_parents=parents)
    except SQLAlchemyError as error:  # it went away since it was asked
        _logger.warning("the virtual plugins cannot be listed: %s", error)
        DB.session.rollback()
        return []
    return [
        PluginCard(
            each.name, each.version, each.description, each.tag_list, None, each.href
        )
        for each in found
    ]


def _short_source(source: str) -> str:
    """Name a failed plugin without telling strangers about the folders of the host."""
    identifier, separator, _ = source.partition(" (")
    if separator:
        return identifier
    path = PurePath(source)
    return path.parent.name if path.name == "__init__.py" else path.name
