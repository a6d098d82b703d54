"""The commands of ``flask``, each imported when it is called or listed."""

import logging
import sys

import click
from flask import Flask
from flask.cli import AppGroup

from ..util.flask_app import START_ERROR
from ..util.lazy_commands import LazyCommands

COMMANDS = {
    "backup": "qhana_plugin_runner.operations.backup.cli:backup_command",
    "clean-up": "qhana_plugin_runner.operations.retention.cli:clean_up_command",
    "create-db": "qhana_plugin_runner.db.cli:create_db",
    "db": "flask_migrate.cli:db",
    "doctor": "qhana_plugin_runner.operations.health.cli:doctor",
    "drop-db": "qhana_plugin_runner.db.cli:drop_db",
    "install": "qhana_plugin_runner.plugins.requirements.cli:install",
    "maintenance": "qhana_plugin_runner.operations.cli:maintenance_command",
    "plugin": "qhana_plugin_runner.cli.plugin:plugin",
    "restore": "qhana_plugin_runner.operations.backup.cli:restore_command",
    "token": "qhana_plugin_runner.security.cli:token",
}
"""The one table of commands: name -> ``module:command``."""


class RunnerCommands(LazyCommands, AppGroup):
    """The commands of the table, and those that extensions and plugins add to ``app.cli``.

    While the app cannot be set up there is only one that tells why.
    """

    def __init__(self, app: Flask) -> None:
        super().__init__(app.name, table=COMMANDS)
        self._extensions = app.extensions

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._require_app()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name != "doctor":
            self._require_app()
        return super().get_command(ctx, cmd_name)

    def _require_app(self) -> None:
        if error := self._extensions.get(START_ERROR):
            raise error


def register_commands(app: Flask) -> None:
    """Give an app the runner's commands."""
    app.cli = RunnerCommands(app)
    if "install" in sys.argv:  # which is about to put that right
        logging.getLogger("qhana_plugin_runner.plugins.loading").addFilter(
            lambda record: "ModuleNotFoundError" not in record.getMessage()
        )
