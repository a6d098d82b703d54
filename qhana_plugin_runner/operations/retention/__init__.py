"""Removes what is too old: tasks, files, and what was left behind."""

from .clean_up import apply_retention, clean_up

__all__ = ["apply_retention", "clean_up"]
