"""How tasks and files go: when somebody removes them, and when they are too old."""

from .clean_up import Limits, clean_up
from .removal import Removal, remove_task

__all__ = ["Limits", "Removal", "clean_up", "remove_task"]
