"""The commands of ``flask``, each imported when it is called or listed."""

import logging
import sys

from flask import Flask
from flask.cli import AppGroup

from ..util.lazy_commands import LazyCommands

__all__ = ["COMMANDS", "register_commands"]

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
    """The commands of the table, and those that extensions and plugins add to ``app.cli``."""


class _MissingPackages(logging.Filter):
    """Keeps back that plugins miss packages."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "ModuleNotFoundError" not in record.getMessage()


def register_commands(app: Flask) -> None:
    """Give an app the runner's commands."""
    app.cli = RunnerCommands(app.name, table=COMMANDS)
    if "install" in sys.argv:  # which is about to put that right
        logging.getLogger("qhana_plugin_runner.plugins.loading").addFilter(
            _MissingPackages()
        )
