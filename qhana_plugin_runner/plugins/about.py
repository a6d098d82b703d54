"""What a plugin is called, and what it says about itself."""

from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from .loading import QHAnaPluginBase


def plugin_identifier(name: str, version: str) -> str:
    """Return the identifier of a plugin, ``name@version`` with dashes for dots.

    >>> plugin_identifier("hello-world", "v0.2.1")
    'hello-world@v0-2-1'
    """
    return f"{name}@{version}".replace(".", "-")


def place_of(file: str | PurePath) -> Path:
    """Return what a plugin consists of: the folder of a package, or the file of a module.

    >>> str(place_of("/srv/plugins/plot/__init__.py")), str(place_of("/srv/plugins/plot.py"))
    ('/srv/plugins/plot', '/srv/plugins/plot.py')
    """
    path = Path(file)
    return path.parent if path.name == "__init__.py" else path


def module_name(file: str | PurePath) -> str:
    """Return the name that a plugin has by its place."""
    return place_of(file).name.removesuffix(".py")


@dataclass(frozen=True)
class PluginAbout:
    """What is known of a plugin without asking it for its metadata.

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
        texts = plugin.name, plugin.version, plugin.title, plugin.description, plugin.type
        return cls(*texts, tuple(plugin.tags))

    @property
    def identifier(self) -> str:
        """The identifier of the plugin; its name when the version is unknown."""
        return plugin_identifier(self.name, self.version) if self.version else self.name

    @property
    def shown_title(self) -> str:
        """The title, or one made from the name."""
        return self.title or self.name.replace("-", " ").replace("_", " ").capitalize()
