"""A plugin of a runner: what it is, and what its form takes."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urljoin

from .connection import Connection
from .errors import ClientError, Refused
from .form import DataInput, Form


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
            entry_point = response.json()["entryPoint"]
            # Relative URLs in it are meant from where it was found, behind all redirects.
            urls = {
                key: urljoin(response.url, value)
                for key, value in entry_point.items()
                if isinstance(value, str)
            }
            return {**response.json(), "entryPoint": {**entry_point, **urls}}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ClientError(f"{response.url} is not the metadata of a plugin") from None

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
        return read_schema(
            self._connection, self.metadata["entryPoint"].get("schemaHref")
        )

    @property
    def form(self) -> Form:
        """The inputs."""
        named = self.metadata["entryPoint"].get("dataInput") or ()
        data_inputs = {each["parameter"]: DataInput.from_json(each) for each in named}
        return Form(self.identifier, self.schema, data_inputs)

    def _fact(self, key: str) -> str:
        return str(self._entry[key] if key in self._entry else self.metadata.get(key, ""))


def read_schema(connection: Connection, url: str | None) -> dict[str, Any] | None:
    """Read the JSON Schema of a form; without one, the runner alone checks the inputs."""
    if url is None:
        return None
    try:
        schema: dict[str, Any] = connection.get(url).json()
    except Refused:
        return None
    return schema
