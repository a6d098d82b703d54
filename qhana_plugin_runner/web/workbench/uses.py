"""What can be done with a file: the plugins that take data of its types."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from flask import url_for

from ...db.models.tasks import TaskFile
from .catalogue import PluginEntry
from .file_urls import download_url

__all__ = ["Use", "Uses", "uses_of"]

DATA_URL = "data-url"
"""The parameter with which all visualisations take what they are to show."""


class Use(NamedTuple):
    """A way to use a file.

    Attributes:
        plugin: the plugin.
        page_url: the page of the workbench on which it is used, with the file filled in.
        ui_url: its micro frontend, with the file filled in; ``None`` when it has none.
    """

    plugin: PluginEntry
    page_url: str
    ui_url: str | None


class Uses(NamedTuple):
    """What can be done with a file.

    Attributes:
        further: the plugins that make something of it.
        shown: the visualisations that show it.
    """

    further: list[Use]
    shown: list[Use]


def uses_of(file: TaskFile, plugins: Iterable[PluginEntry]) -> Uses:
    """Return the plugins that take a file, in their order, the newest version of each.

    Args:
        file: any file of this runner
        plugins: the newest version of each first
    """
    uses = Uses([], [])
    for plugin in _newest(plugins):
        parameter = _parameter(plugin, file)
        if parameter is None:
            continue
        href = download_url(file)
        query = {parameter: href} if parameter else {}
        is_shown = plugin.type == "visualization"
        if is_shown:
            query[DATA_URL] = href
        page_url = url_for("workbench.plugin_page", identifier=plugin.identifier)
        ui_url = _with_query(plugin.ui_url, query) if plugin.ui_url else None
        use = Use(plugin, _with_query(page_url, query), ui_url)
        (uses.shown if is_shown else uses.further).append(use)
    return uses


def _newest(plugins: Iterable[PluginEntry]) -> Iterator[PluginEntry]:
    names = set()
    for plugin in plugins:
        if plugin.problem is None and plugin.name not in names:
            names.add(plugin.name)
            yield plugin


def _parameter(plugin: PluginEntry, file: TaskFile) -> str | None:
    """Return the field that takes a file; ``None`` if there is none, empty if it has no name."""
    found = plugin.input_for(file.file_type, file.mimetype)
    if found is not None and (found.parameter or plugin.type == "visualization"):
        return found.parameter
    # One that does not tell what it takes may take anything.
    return "" if plugin.type == "visualization" and not plugin.inputs else None


def _with_query(url: str, query: dict[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"
