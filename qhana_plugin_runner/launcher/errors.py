"""Errors of the launcher. The text of each is one line that names cause and fix."""

from ..errors import OperatorError, RunnerError


class LauncherError(RunnerError):
    """The product cannot be started, or not be kept running."""


class UsageError(LauncherError, OperatorError):
    """The product cannot be started with the options that were given."""
