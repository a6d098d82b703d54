"""The landing page: what a person finds at the entrance of the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, current_app, request, url_for

from ...api.negotiation import page
from ...plugins.loading import plugin_registry
from ..workbench.catalogue import PluginEntry, catalogue
from .parts import Part, State, look_at_parts

__all__ = ["landing_page"]


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


def landing_page() -> Response:
    """Render the landing page."""
    return page("runner/landing.html", **_landing_page_data())


def _landing_page_data() -> dict[str, Any]:
    """Return the variables of the template ``runner/landing.html``.

    The page is there to be read when something does not work: whatever is down, it is shown.
    """
    registry = plugin_registry()
    parts = look_at_parts()
    entries = catalogue(virtual=Part("database", State.UP) in parts)
    wanted = PluginFilter.of(request.args)
    shown = [entry for entry in entries if wanted.shows(entry)]
    problems = {
        entry.identifier: [
            failure for failure in registry.failures if failure.name == entry.identifier
        ]
        for entry in entries
    }
    others = [failure for failure in registry.failures if failure.name not in problems]
    return {
        "title": current_app.config["API_TITLE"],
        "plugins": [entry for entry in shown if not entry.is_virtual],
        "virtual_plugins": [entry for entry in shown if entry.is_virtual],
        "all_count": len(entries),
        "problems": problems,
        "wanted": wanted,
        "tags": sorted({tag for entry in entries for tag in entry.tags}, key=str.lower),
        "types": sorted({entry.type for entry in entries if entry.type}),
        "failures": [failure for failure in others if not failure.is_note],
        "notes": [failure for failure in others if failure.is_note],
        "parts": parts,
        "has_spec": "api-docs.openapi_json" in current_app.view_functions,
        "debug_url": url_for("debug.index") if current_app.debug else None,
    }
