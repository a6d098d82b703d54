"""How tasks and files go: when somebody removes them, and when they are too old."""

from ...tasking.removal import Removal, remove_task
from .clean_up import Limits, clean_up

__all__ = ["Limits", "Removal", "clean_up", "remove_task"]
