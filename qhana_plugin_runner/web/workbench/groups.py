"""What plugins are for, in the order in which data goes through them."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from flask_babel import lazy_gettext as _

from .plugin_entries import PluginEntry

_Item = TypeVar("_Item")


class PluginGroup(NamedTuple):
    """A group of plugins: those of some types, and those that have one of some tags.

    Attributes:
        name: For ids and URLs.
        title: For people.
        types: The types, see :class:`~qhana_plugin_runner.api.plugin_schemas.PluginType`.
        tags: The tags, in lowercase.
    """

    name: str
    title: Any
    types: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()

    def has(self, plugin: PluginEntry) -> bool:
        """Whether a plugin is one of those that the group is for."""
        return plugin.type in self.types or not self.tags.isdisjoint(
            tag.lower() for tag in plugin.tags
        )


_LOAD = PluginGroup(
    "load",
    _("Import data"),
    frozenset(["dataloader"]),
    frozenset(["data-loading", "data-synthesizing"]),
)
_SHAPE = PluginGroup(
    "shape",
    _("Shape data"),
    frozenset(["conversion"]),
    frozenset(
        "shaping preprocessing data-cleaning data-preparation feature-engineering "
        "encoding embedding similarity-calculation distance-calculation".split()
    ),
)
_LEARN = PluginGroup(
    "learn",
    _("Learn"),
    tags=frozenset(
        "learning ml machine-learning supervised-learning neural-network clustering cluster "
        "classification".split()
    ),
)
_QUANTUM = PluginGroup(
    "quantum",
    _("Quantum computing"),
    tags=frozenset(
        "quantum qml qasm qasm-2 qasm-3 circuit circuit-executor qc-simulator "
        "qc-executor".split()
    ),
)
_LOOK = PluginGroup("look", _("Visualize"), frozenset(["visualization"]))
_OTHER = PluginGroup("other", _("More plugins"))

GROUPS = (_LOAD, _SHAPE, _LEARN, _QUANTUM, _LOOK, _OTHER)
"""All groups in their order."""

_PRECEDENCE = (_LOOK, _QUANTUM, _LEARN, _LOAD, _SHAPE)
"""Which group counts for a plugin that several are for: many plugins have the tags of others."""


def group_of(plugin: PluginEntry) -> PluginGroup:
    """Return the group of a plugin."""
    return next((group for group in _PRECEDENCE if group.has(plugin)), _OTHER)


def grouped(
    items: Iterable[_Item], plugin_of: Callable[[_Item], PluginEntry]
) -> list[tuple[PluginGroup, list[_Item]]]:
    """Return the groups that have items, each with these in their order.

    Args:
        items: Plugins, or what belongs to one.
        plugin_of: Returns the plugin of an item.
    """
    found: dict[PluginGroup, list[_Item]] = {group: [] for group in GROUPS}
    for item in items:
        found[group_of(plugin_of(item))].append(item)
    return [(group, members) for group, members in found.items() if members]
