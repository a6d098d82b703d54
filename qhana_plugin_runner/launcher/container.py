"""What a container of the image runs: its variables, and the wait for its database.

``invoke start-docker`` does the rest. The variables are those of the original's image.
"""

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

from ..util.config.checks import as_bool, as_count, as_severity
from . import commands, schema
from .errors import UsageError

_MODES = ("server", "worker")

# Other containers start at the same time, and a database may have to be restored first.
_WAIT_SECONDS = 600
_RETRY_SECONDS = 2.0


def container_mode() -> str:
    """Return what ``CONTAINER_MODE`` asks for: ``server``, or ``worker``.

    Raises:
        UsageError: it is something else
    """
    mode = os.environ.get("CONTAINER_MODE") or "server"
    if mode not in _MODES:
        raise UsageError(f"CONTAINER_MODE is {mode!r}: choose server or worker")
    return mode


def container_command(instance: Path) -> list[str]:
    """Return the command that the container ends up with.

    Args:
        instance: the folder in which the scheduler of periodic tasks notes when it sent them

    Raises:
        UsageError: a variable cannot be used
    """
    level = _log_level()
    if container_mode() == "server":
        return commands.web_command(
            bind=f"0.0.0.0:{_number('SERVER_PORT', 8080, most=65535)}",
            workers=_number("GUNICORN_WORKERS", 2),
            log_level=level,
            access_log=True,
        )
    try:
        has_scheduler = as_bool(os.environ.get("PERIODIC_SCHEDULER", ""))
    except ValueError as error:
        raise UsageError(f"PERIODIC_SCHEDULER {error}") from error
    return commands.worker_command(
        pool=commands.worker_pool(),
        concurrency=_number("CONCURRENCY", commands.default_concurrency()),
        log_level=level,
        schedule=instance / "celerybeat-schedule" if has_scheduler else None,
    )


def _log_level() -> str:
    """Return the name of the log level, since neither gunicorn nor Celery takes numbers."""
    text = os.environ.get("DEFAULT_LOG_LEVEL") or "INFO"
    try:
        level = as_severity(text)
    except ValueError as error:
        raise UsageError(f"DEFAULT_LOG_LEVEL is {text!r}: it {error}") from error
    number = logging.getLevelNamesMapping()[level] if isinstance(level, str) else level
    return logging.getLevelName(
        min(max(number // 10 * 10, logging.DEBUG), logging.CRITICAL)
    )


def _number(variable: str, default: int, most: int = 1024) -> int:
    text = os.environ.get(variable) or default
    try:
        number = as_count(text)
    except ValueError:
        number = 0
    if not 1 <= number <= most:
        raise UsageError(f"{variable} is {text!r}: choose a number from 1 to {most}")
    return number


def wait_for_database(uri: str, instance: Path, environment: Mapping[str, str]) -> bool:
    """Return whether the database needs no upgrade, as soon as it answers.

    Args:
        uri: the setting ``SQLALCHEMY_DATABASE_URI``
        instance: the instance folder
        environment: of the program that looks at the database

    Raises:
        UsageError: the database has not answered in ten minutes
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            return schema.is_current(uri, instance, environment)
        except UsageError as error:
            if time.monotonic() > deadline:
                raise
            print(f"waiting for the database: {error}", flush=True)
        time.sleep(_RETRY_SECONDS)
