"""The landing page: what a person finds at the entrance of the API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from flask import current_app, request, url_for

from ..util.plugins import PluginFailure, plugin_registry
from ..workbench.catalogue import PluginEntry, catalogue
from .parts import Part, State, look_at_parts

__all__ = ["landing_page_data"]


@dataclass(frozen=True)
class PluginFilter:
    """Which plugins are shown.

    Attributes:
        q: words that all have to be in what the plugin says of itself.
        tag: a tag that it has.
        type: its type.
    """

    q: str = ""
    tag: str = ""
    type: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "PluginFilter":
        return cls(**{name: query.get(name, "").strip() for name in ("q", "tag", "type")})

    def shows(self, plugin: PluginEntry) -> bool:
        texts = (plugin.name, plugin.title, plugin.description, *plugin.tags)
        text = " ".join(texts).lower()
        return (
            all(word in text for word in self.q.lower().split())
            and (not self.tag or self.tag in plugin.tags)
            and (not self.type or self.type == plugin.type)
        )


def landing_page_data() -> dict[str, Any]:
    """Return the variables of the template ``runner/landing.html``.

    The page is there to be read when something does not work: whatever is down, it is shown.
    """
    registry = plugin_registry()
    parts = look_at_parts()
    entries = catalogue(virtual=Part("database", State.UP) in parts)
    wanted = PluginFilter.of(request.args)
    shown = [entry for entry in entries if wanted.shows(entry)]
    problems = {
        entry.identifier: list(_failures_of(entry.identifier, registry.failures))
        for entry in entries
    }
    served = {id(problem) for each in problems.values() for problem in each}
    return {
        "title": current_app.config["API_TITLE"],
        "plugins": [entry for entry in shown if not entry.is_virtual],
        "virtual_plugins": [entry for entry in shown if entry.is_virtual],
        "all_count": len(entries),
        "problems": problems,
        "wanted": wanted,
        "tags": sorted({tag for entry in entries for tag in entry.tags}, key=str.lower),
        "types": sorted({entry.type for entry in entries if entry.type}),
        "failures": [
            (_short_source(failure.source), failure)
            for failure in registry.failures
            if id(failure) not in served
        ],
        "parts": parts,
        "has_spec": "api-docs.openapi_json" in current_app.view_functions,
        "debug_url": url_for("debug.index") if current_app.debug else None,
    }


def _failures_of(
    identifier: str, failures: Iterable[PluginFailure]
) -> Iterable[PluginFailure]:
    for failure in failures:
        if failure.source == identifier or failure.source.startswith(f"{identifier} ("):
            yield failure


def _short_source(source: str) -> str:
    """Name a failed plugin without telling strangers about the folders of the host."""
    identifier, separator, _ = source.partition(" (")
    if separator:
        return identifier
    path = PurePath(source)
    return path.parent.name if path.name == "__init__.py" else path.name
