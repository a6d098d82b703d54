"""One row of the table of settings."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ...errors import OperatorError

MEBIBYTE = 1024 * 1024


class ConfigError(OperatorError):
    """A setting is invalid; the message names setting, source and fix."""


SAME = object()
"""The default in debug mode is the one in production."""


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    Attributes:
        name: the key in ``app.config``.
        convert: turns a configured value (or the text of an environment variable) into the
            value in use; raises ValueError saying what the value must be.
        default: the value in production; ``None`` means "not set".
        help: the text for the documentation.
        env: environment variables; the first one that is set wins.
        env_keys: makes the value a mapping to which each variable adds one of these keys.
        debug: the default in debug mode when it differs.
        merge: combines the value of lower layers with a new one; a new one replaces it if not set.
        secret: the value is a secret, or contains one: no message or page repeats it.
    """

    name: str
    convert: Callable[[Any], Any]
    default: Any
    help: str
    env: tuple[str, ...] = ()
    env_keys: tuple[str, ...] = ()
    debug: Any = field(default=SAME)
    merge: Callable[[Any, Any], Any] | None = None
    secret: bool = False

    def default_for(self, debug: bool) -> Any:
        return deepcopy(self.default if self.debug is SAME or not debug else self.debug)

    def from_environment(self, environment: Mapping[str, str]) -> tuple[str, Any] | None:
        """Return source and text of the value in the environment, if there is one."""
        if self.env_keys:
            names = zip(self.env_keys, self.env)
            given = {key: environment[env] for key, env in names if env in environment}
            return ("environment", given) if given else None
        for name in self.env:
            if name in environment:
                return f"environment variable {name}", environment[name]
        return None

    def check(self, value: Any, source: str) -> Any:
        """Convert a configured value.

        Raises:
            ConfigError: the value is invalid; names the setting and ``source``.
        """
        if value in (None, "") and self.default is None:
            return None
        try:
            return self.convert(value)
        except ValueError as error:
            shown = "" if self.secret else f", but is {value!r}"
            raise ConfigError(f"{self.name} ({source}) {error}{shown}") from None
