"""The plugins that take a file."""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from flask import url_for

from ...api.task_status import download_url
from ...db.models.tasks import TaskFile
from .data_types import is_same
from .plugin_entries import PluginEntry

DATA_URL = "data-url"
"""The parameter with which all visualizations take the file that they show."""


class Consumer(NamedTuple):
    """A plugin that takes a file.

    Attributes:
        plugin: The plugin.
        page_url: The page of the workbench on which it is used, with the file filled in.
        ui_url: Its micro frontend, with the file filled in; ``None`` when it has none.
        is_made_for: Whether it names the data type of the file, and not a pattern of such.
    """

    plugin: PluginEntry
    page_url: str
    ui_url: str | None
    is_made_for: bool

    @property
    def is_visualization(self) -> bool:
        return self.plugin.type == "visualization"


def find_consumers(file: TaskFile, plugins: Iterable[PluginEntry]) -> list[Consumer]:
    """Return the plugins that take a file, in their order, only the newest version of each.

    Args:
        file: Any file of this runner.
        plugins: The plugins, the newest version of each first.
    """
    newest: dict[str, PluginEntry] = {}
    for plugin in plugins:
        if plugin.problem is None:
            newest.setdefault(plugin.name, plugin)
    found = []
    for plugin in newest.values():
        parameter = _parameter(plugin, file)
        if parameter is None:
            continue
        href = download_url(file)
        query = {parameter: href} if parameter else {}
        if plugin.type == "visualization":
            query[DATA_URL] = href
        is_made_for = any(
            is_same(each.data_type, file.file_type) for each in plugin.inputs
        )
        page_url = url_for("workbench.plugin_page", identifier=plugin.identifier)
        text = urlencode(query)
        ui_url = with_query(plugin.ui_url, text) if plugin.ui_url else None
        found.append(Consumer(plugin, with_query(page_url, text), ui_url, is_made_for))
    return found


def _parameter(plugin: PluginEntry, file: TaskFile) -> str | None:
    """Return the field that takes a file; ``None`` if there is none, empty if it has no name."""
    is_visualization = plugin.type == "visualization"
    found = plugin.input_for(file.file_type, file.mimetype)
    if found is not None and (found.name or is_visualization):
        return found.name
    # A visualization that does not name its inputs may take any file.
    return "" if is_visualization and not plugin.inputs else None


def with_query(url: str, query: str) -> str:
    """Return a URL with a query, behind the one that it has."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{query}" if query else url
