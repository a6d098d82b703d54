"""Errors of installing what plugins need. The text of each names cause and fix."""

from ...errors import OperatorError, RunnerError


class RequirementsError(RunnerError):
    """The requirements of one plugin cannot be read; they are left out."""


class InstallError(OperatorError):
    """Nothing was installed.

    Attributes:
        exit_code: exit status of the command.
    """

    exit_code = 1
