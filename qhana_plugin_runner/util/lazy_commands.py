"""Commands that are imported when they are called or listed."""

from collections.abc import Mapping
from importlib import import_module

import click


class LazyCommands(click.Group):
    """A group with the commands of a table besides its own.

    Args:
        table: name -> ``module:command``
        options: of the group
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        table: Mapping[str, str],
        **options: object,
    ) -> None:
        super().__init__(name, **options)  # type: ignore[arg-type]
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._table})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name not in self._table:
            return found
        module, _, command = self._table[cmd_name].partition(":")
        loaded: click.Command = getattr(import_module(module), command)
        return loaded
