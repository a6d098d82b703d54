"""A plugin runner, as scripts and notebooks use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .connection import Connection
from .errors import ClientError, Refused
from .multipart import FileInput
from .outputs import Output, Outputs
from .plugin import Plugin
from .task import Task, submit_form, upload


class Runner:
    """A plugin runner.

    Example::

        runner = Runner("http://127.0.0.1:5005")
        outputs = runner.run("entity-statistics", entitiesUrl=Path("penguins.csv"))
        outputs["penguins-statistics"].to_pandas()

    Args:
        url: The URL of the runner.
        token: An access token, for a runner that asks for one. It is sent to this runner only.
        timeout: How long the runner may be silent, in seconds.
    """

    def __init__(
        self, url: str, token: str | None = None, *, timeout: float = 60
    ) -> None:
        self._connection = Connection(url, token, timeout)

    def __repr__(self) -> str:
        return f"<Runner {self.url}>"

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL of the runner."""
        return self._connection.url

    def close(self) -> None:
        """Close the connections. The runner can be used again."""
        self._connection.close()

    def plugins(self) -> list[Plugin]:
        """List the plugins, by name and version."""
        entries = self._connection.get("plugins/").json()["plugins"]
        return [Plugin(self._connection, each["apiRoot"], each) for each in entries]

    def plugin(self, plugin: str | Plugin) -> Plugin:
        """Find a plugin.

        Args:
            plugin: Its name, for the newest version, or ``name@version``, or the URL of its
                metadata, which may be on another runner.

        Raises:
            ClientError: There is none.
        """
        if isinstance(plugin, Plugin):
            return plugin
        if plugin.startswith(("http://", "https://")):
            return Plugin(self._connection, plugin)
        plugins = self.plugins()
        identifier = plugin.replace(".", "-")
        found = [each for each in plugins if each.identifier == identifier]
        found = found or [each for each in plugins if each.name == plugin]
        if not found:
            names = ", ".join(sorted({each.name for each in plugins})) or "none"
            raise ClientError(f"{self.url} has no plugin {plugin!r}. It has {names}.")
        return found[0] if len(found) == 1 else self._newest(found)

    def upload(
        self,
        file: FileInput,
        data_type: str = "*",
        content_type: str | None = None,
    ) -> Output:
        """Upload a file, for instance to give it to several plugins.

        Args:
            file: The path, or an open file, which is read from its beginning.
            data_type: What the file holds, such as ``entity/list``.
            content_type: The mime type; guessed by the name of the file when it is left out.
        """
        return upload(self._connection, file, data_type, content_type)

    def submit(
        self,
        plugin: str | Plugin,
        inputs: Mapping[str, Any] | None = None,
        /,
        **more: Any,
    ) -> Task:
        """Start a task, and return at once.

        Args:
            plugin: As for :meth:`plugin`.
            inputs: By the names of the fields of the plugin's form. A ``Path`` or an open file
                is uploaded, if the field takes the URL of a file; a text never is. Outputs stand
                for their URL, lists for several values, ``None`` for a field that is left empty.
            more: Further inputs.

        Raises:
            InvalidInputs: The plugin does not accept the inputs.
        """
        found = self.plugin(plugin)
        values = {**(inputs or {}), **more}
        task = submit_form(self._connection, found.href, found.form, values)
        if task is None:
            raise ClientError(f"{found!r} has not started a task; use {found.ui_href}")
        return task

    def run(
        self,
        plugin: str | Plugin,
        inputs: Mapping[str, Any] | None = None,
        /,
        **more: Any,
    ) -> Outputs[Output]:
        """Start a task, wait for its end, and return its outputs.

        Takes what :meth:`submit` takes.

        Raises:
            InvalidInputs: The plugin does not accept the inputs.
            StepOpen: The task asks for the answer to a step.
            TaskFailed: The task has failed.
        """
        return self.submit(plugin, inputs, **more).wait().results()

    def task(self, task: int | str) -> Task:
        """Find a task of before.

        Args:
            task: Its number or its URL.
        """
        is_url = isinstance(task, str) and "/" in task
        url = str(task) if is_url else f"{self.url}tasks/{task}/"
        found = Task(self._connection, url)
        found.refresh()
        return found

    def _newest(self, versions: list[Plugin]) -> Plugin:
        """Let the runner choose the newest version; it knows no virtual plugins by name."""
        name = quote(versions[0].name, safe="")
        try:
            url = self._connection.get(f"plugins/{name}/").url
        except Refused:
            return versions[-1]
        return next((each for each in versions if each.url == url), versions[-1])
