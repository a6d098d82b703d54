"""How tasks and files go: when somebody removes them, and when they are too old."""

from flask import Flask

from .clean_up import Limits, clean_up
from .removal import Removal, remove_task

__all__ = ["Limits", "Removal", "clean_up", "register_commands", "remove_task"]


def register_commands(app: Flask) -> None:
    from .cli import clean_up_command

    app.cli.add_command(clean_up_command)
