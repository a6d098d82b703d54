"""A plugin as the workbench shows it, made from the metadata that the plugin publishes.

Metadata is written by plugins: a malformed part of it counts as absent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from packaging.version import Version

from ...util.versions import comparable_version
from .data_types import accepts, is_accepted, is_same


@dataclass(frozen=True)
class PluginData:
    """A kind of data that a plugin takes or makes.

    Attributes:
        name: Of an input, the form field that takes it; of an output, for people. May be empty.
        data_type: Such as ``entity/list`` or ``entity/*``.
        content_types: The mime types; empty for any.
        required: Whether the plugin needs it, or always makes it.
    """

    name: str
    data_type: str
    content_types: tuple[str, ...]
    required: bool

    def accepts(self, data_type: str | None, content_type: str | None) -> bool:
        """Whether data of these types is of this kind."""
        return accepts(self.data_type, data_type) and is_accepted(
            self.content_types, content_type
        )


@dataclass(frozen=True)
class PluginEntry:
    """A plugin of this runner.

    Attributes:
        identifier: Name and version, as in its URL.
        name: For programs.
        version: As the plugin writes it.
        title: For people.
        description: In Markdown.
        tags: Words to find it by.
        metadata_url: Absolute; names the plugin wherever one is chosen.
        is_virtual: Whether it was made by another plugin.
        type: ``processing``, ``visualization``, ... ; ``None`` when unknown.
        inputs: The data that it takes.
        outputs: The data that it makes.
        ui_url: Its micro frontend, absolute.
        process_url: Where its form is sent, absolute.
        problem: Why only name, version and tags are known; for people.
    """

    identifier: str
    name: str
    version: str
    title: str
    description: str
    tags: tuple[str, ...]
    metadata_url: str
    is_virtual: bool = False
    type: str | None = None
    inputs: tuple[PluginData, ...] = ()
    outputs: tuple[PluginData, ...] = ()
    ui_url: str | None = None
    process_url: str | None = None
    problem: str | None = None

    @property
    def parsed_version(self) -> Version:
        """The version for comparisons."""
        return comparable_version(self.version)

    def input_for(
        self, data_type: str | None, content_type: str | None
    ) -> PluginData | None:
        """Return the input that takes data of these types, if there is one.

        Of several, it is one that names the data type and no pattern, else a required one.
        """
        found = [each for each in self.inputs if each.accepts(data_type, content_type)]
        return max(
            found,
            key=lambda each: (is_same(each.data_type, data_type), each.required),
            default=None,
        )


def with_metadata(entry: PluginEntry, metadata: Mapping[str, Any]) -> PluginEntry:
    """Return an entry completed by what the plugin tells of itself."""
    entry_point = metadata.get("entryPoint")
    if not isinstance(entry_point, Mapping):
        entry_point = {}
    return replace(
        entry,
        title=_text(metadata.get("title")) or entry.title,
        description=_text(metadata.get("description")) or entry.description,
        tags=tuple(_texts(metadata.get("tags"))) or entry.tags,
        type=_text(metadata.get("type")) or None,
        inputs=_data(entry_point.get("dataInput"), "parameter"),
        outputs=_data(entry_point.get("dataOutput"), "name"),
        ui_url=_url(entry, entry_point.get("uiHref")) or entry.ui_url,
        process_url=_url(entry, entry_point.get("href")),
    )


def _data(value: Any, name: str) -> tuple[PluginData, ...]:
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return tuple(
        PluginData(
            name=_text(item.get(name)),
            data_type=_text(item.get("dataType")) or "*",
            content_types=tuple(_texts(item.get("contentType"))),
            required=item.get("required") is True,
        )
        for item in items
        if isinstance(item, Mapping)
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    """Return the texts in a list; a text stands for a list of one."""
    if isinstance(value, str):
        value = [value]
    return [each for each in value if isinstance(each, str)] if value else []


def _url(entry: PluginEntry, href: Any) -> str | None:
    """Return a link of the metadata as an absolute URL that browsers may be sent to."""
    if not isinstance(href, str):
        return None
    try:
        url = urljoin(entry.metadata_url, href)
    except ValueError:
        return None
    return url if url.lower().startswith(("http://", "https://")) else None
