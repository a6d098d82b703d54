"""Errors of the launcher. The text of each is one line that names cause and fix."""

from ..errors import RunnerError


class LauncherError(RunnerError):
    """The product cannot be started, or not be kept running."""


class UsageError(LauncherError):
    """The product cannot be started with the options or the settings that were given."""
