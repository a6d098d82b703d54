"""What a plugin is called, and what it says about itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from .loading import QHAnaPluginBase


def plugin_identifier(name: str, version: str) -> str:
    """Return the identifier of a plugin, ``name@version`` with dashes for dots.

    >>> plugin_identifier("hello-world", "v0.2.1")
    'hello-world@v0-2-1'
    """
    return f"{name}@{version}".replace(".", "-")


@dataclass(frozen=True)
class PluginAbout:
    """What is known of a plugin that is not served.

    Attributes:
        name: its name, or that of its file.
        version: empty when it is unknown.
        title: for people.
        description: in Markdown.
        type: ``processing``, ``visualization``, ...; empty when it is unknown.
        tags: words to find it by.
    """

    name: str
    version: str = ""
    title: str = ""
    description: str = ""
    type: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, plugin: "QHAnaPluginBase") -> Self:
        """Return what a plugin says about itself."""
        text = (
            plugin.name,
            plugin.version,
            plugin.title,
            plugin.description,
            plugin.type,
        )
        return cls(*text, tuple(plugin.tags))

    @property
    def identifier(self) -> str:
        """The identifier of the plugin; its name when the version is unknown."""
        return plugin_identifier(self.name, self.version) if self.version else self.name

    @property
    def shown_title(self) -> str:
        """The title, or one made from the name."""
        return self.title or self.name.replace("-", " ").replace("_", " ").capitalize()
