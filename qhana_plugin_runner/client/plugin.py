"""A plugin of a runner: what it is, and what its form takes."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urljoin

from .connection import Connection
from .errors import ClientError
from .form import DataInput, Form

__all__ = ["Plugin"]


class Plugin:
    """A plugin, by the URL of its metadata.

    Attributes:
        url: The URL of the metadata.
    """

    def __init__(
        self, connection: Connection, url: str, entry: dict[str, Any] | None = None
    ) -> None:
        self._connection = connection
        self._entry = entry or {}
        self.url = url

    def __repr__(self) -> str:
        return f"<Plugin {self._entry.get('identifier') or self.url}>"

    @property
    def name(self) -> str:
        """The name, such as ``hello-world``."""
        return self._fact("name")

    @property
    def version(self) -> str:
        """The version, such as ``v1.0.0``."""
        return self._fact("version")

    @property
    def identifier(self) -> str:
        """The name and the version in one, such as ``hello-world@v1-0-0``."""
        identifier = self._entry.get("identifier")
        return str(identifier or f"{self.name}@{self.version}".replace(".", "-"))

    @property
    def title(self) -> str:
        """The title."""
        return str(self.metadata.get("title", ""))

    @property
    def description(self) -> str:
        """What the plugin does."""
        return self._fact("description")

    @property
    def tags(self) -> list[str]:
        """The tags."""
        return list(self._entry.get("tags") or self.metadata.get("tags") or ())

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The metadata, with the keys of the REST API."""
        response = self._connection.get(self.url)
        try:
            metadata = response.json()
            metadata["entryPoint"]["href"]
        except (ValueError, KeyError, TypeError):
            raise ClientError(f"{response.url} is not the metadata of a plugin") from None
        found: dict[str, Any] = {**metadata}
        # Relative URLs in it are meant from where it was found, behind all redirects.
        found["entryPoint"] = {
            key: urljoin(response.url, value) if isinstance(value, str) else value
            for key, value in metadata["entryPoint"].items()
        }
        return found

    @property
    def as_input(self) -> str:
        """What is sent when it is given to a plugin: its URL."""
        return self.url

    @property
    def href(self) -> str:
        """The URL that starts a task."""
        return str(self.metadata["entryPoint"]["href"])

    @property
    def ui_href(self) -> str:
        """The URL of the form, for a browser."""
        return str(self.metadata["entryPoint"].get("uiHref", self.url))

    @cached_property
    def schema(self) -> dict[str, Any] | None:
        """The JSON Schema of the inputs; ``None`` when the runner has none."""
        url = self.metadata["entryPoint"].get("schemaHref")
        return self._connection.get(url).json() if url else None

    @property
    def form(self) -> Form:
        """The inputs."""
        named = self.metadata["entryPoint"].get("dataInput") or ()
        data_inputs = {each["parameter"]: DataInput.from_json(each) for each in named}
        return Form(self.identifier, self.schema, data_inputs)

    def _fact(self, key: str) -> str:
        return str(self._entry[key] if key in self._entry else self.metadata.get(key, ""))
