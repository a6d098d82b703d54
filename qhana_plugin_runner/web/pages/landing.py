"""The landing page: the root of the API as people see it."""

from collections.abc import Iterable
from typing import Any

from flask import Response, current_app, request, url_for

from ...api.negotiation import page
from ...operations.health import Result, Status, check_health
from ...plugins.failures import PluginFailure
from ...plugins.loading import loaded_plugins
from ...security.details import may_see_details
from ...security.sites import sites_of
from ..workbench.catalogue import PluginFilter, catalogue
from ..workbench.groups import grouped


def landing_page() -> Response:
    """Render the landing page."""
    return page("runner/landing.html", **_landing_page_data())


def _landing_page_data() -> dict[str, Any]:
    """Return the variables of the template ``runner/landing.html``.

    The page helps when something does not work, so it is shown whatever is down.
    """
    failures = loaded_plugins().failures
    checks = check_health()
    entries = catalogue(virtual=checks["schema"].status is Status.OK)
    query = {name: request.args.get(name, "").strip() for name in ("q", "tag", "type")}
    tags = [query["tag"]] if query["tag"] else []
    wanted = PluginFilter(query["q"], tags, type=query["type"])
    shown = [entry for entry in entries if wanted.matches(entry)]
    problems = {
        entry.identifier: [each for each in failures if each.name == entry.identifier]
        for entry in entries
    }
    others = [failure for failure in failures if failure.name not in problems]
    plugins = [entry for entry in shown if not entry.is_virtual]
    return {
        "title": current_app.config["API_TITLE"],
        "plugins": plugins,
        "groups": grouped(plugins, lambda plugin: plugin),
        "virtual_plugins": [entry for entry in shown if entry.is_virtual],
        "all_count": len(entries),
        "problems": problems,
        "query": query,
        "tags": sorted({tag for entry in entries for tag in entry.tags}, key=str.lower),
        "types": sorted({entry.type for entry in entries if entry.type}),
        "failures": [failure for failure in others if not failure.is_note],
        "notes": [each for each in others if each.is_note and each.about is None],
        "missing": _by_command(
            each for each in others if each.about and wanted.matches(each.about)
        ),
        "checks": _shown(checks.values()),
        "has_spec": "api-docs.openapi_json" in current_app.view_functions,
        "is_open": sites_of(current_app).is_open_unasked(request.environ),
        "debug_url": url_for("debug.index") if current_app.debug else None,
    }


def _shown(results: Iterable[Result]) -> list[Result]:
    """Return what the page tells: the services, and whatever else has a problem."""
    shows_all = may_see_details(is_for_link=True)
    return [
        each
        for each in results
        if each.check.is_service or (each.problem and (shows_all or each.check.is_vital))
    ]


def _by_command(missing: Iterable[PluginFailure]) -> dict[str, list[PluginFailure]]:
    """Return the plugins whose packages are missing by what installs these."""
    found: dict[str, list[PluginFailure]] = {}
    for each in missing:
        found.setdefault(str(each.advice), []).append(each)
    return found
