"""What a setting is."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ...errors import OperatorError
from .checks import as_database_url, as_secret, as_webhook_secrets

MEBIBYTE = 1024 * 1024


class ConfigError(OperatorError):
    """A setting has a value that cannot be used; the message names setting, source and fix."""


_SHOWN_TO_NOBODY = (as_secret, as_database_url, as_webhook_secrets)
"""Values that these convert hold passwords: no message repeats them."""

SAME = object()
"""Stands for "as in production" among the defaults for debug mode."""


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    Attributes:
        name: the key in ``app.config``.
        convert: turns a configured value (or the text of an environment variable) into the
            value that is used; raises ValueError saying what the value must be.
        default: the value in production; ``None`` means "not set".
        help: what it does, for the documentation.
        env: the environment variables that are read, the first one that is set wins.
        debug: the default in debug mode when it differs.
    """

    name: str
    convert: Callable[[Any], Any]
    default: Any
    help: str
    env: tuple[str, ...] = ()
    debug: Any = field(default=SAME)

    def default_for(self, debug: bool) -> Any:
        return deepcopy(self.default if self.debug is SAME or not debug else self.debug)

    def check(self, value: Any, source: str) -> Any:
        """Convert a configured value.

        Raises:
            ConfigError: the value cannot be used; names the setting and ``source``.
        """
        if value in (None, "") and self.default is None:
            return None
        try:
            return self.convert(value)
        except ValueError as error:
            shown = "" if self.convert in _SHOWN_TO_NOBODY else f", but is {value!r}"
            raise ConfigError(f"{self.name} ({source}) {error}{shown}") from None
