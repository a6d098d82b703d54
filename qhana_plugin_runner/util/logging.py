"""Logging: one configuration for web processes, workers and commands.

Every record carries ``task_id``, ``plugin`` and ``request_id`` (empty when there is none) for use
in ``LOG_CONFIG``, and ``context``, the three ready for a log line:
``" [task 5 hello-world@v1 request 70f43cd3e5b5a1d2]"``.
"""

import copy
import logging
import logging.config
import re
from collections.abc import Mapping
from typing import Any

from flask import Flask, current_app, has_request_context, request

from .config import ConfigError
from .current_message import current_message
from .redaction import redact_log_data, redact_text
from .request_id import request_id

__all__ = [
    "ContextFilter",
    "SafeFormatter",
    "configure_logging",
    "get_logger",
    "plugin_of_request",
    "redact_log_data",
]

# All that ends a line, or moves the cursor of a terminal, or turns the text around.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
_BREAK = re.compile("[\r\n]")


def get_logger(app: Flask, name: str) -> logging.Logger:
    """Return the logger ``name`` below the app's own: ``get_logger(app, "storage")``."""
    return logging.getLogger(f"{app.logger.name}.{name}")


def plugin_of_request() -> str | None:
    """Return the identifier of the plugin whose view answers the current request."""
    if not has_request_context():
        return None
    # By its endpoint and not the path, which may hold line breaks and other forgeries.
    plugins = current_app.extensions.get("qhana_plugins")
    return plugins.plugin_of(request.endpoint) if plugins else None


class ContextFilter(logging.Filter):
    """Puts task, plugin and request on each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = current_message()
        task_id = "" if message.task_id is None else str(message.task_id)
        name = message.task_name
        plugin = name.partition(".")[0] if "@" in name else plugin_of_request() or ""
        asked = request_id()
        record.task_id, record.plugin, record.request_id = task_id, plugin, asked
        words = [f"task {task_id}" if task_id else "", plugin]
        words.append(f"request {asked}" if asked else "")
        text = " ".join(word for word in words if word)
        record.context = f" [{text}]" if text else ""
        return True


class SafeFormatter(logging.Formatter):
    """Masks secrets in what another formatter makes, and lets nobody forge a line.

    Line breaks in messages are escaped; the lines of a traceback are indented.
    """

    def __init__(self, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self.formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if _BREAK.search(message):
            record = copy.copy(record)
            record.msg, record.args = _BREAK.sub(_escaped, message), None
        text = redact_text(self.formatter.format(record))
        return _CONTROL.sub(_escaped, text).replace("\n", "\n    ")


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def configure_logging(config: Mapping[str, Any]) -> None:
    """Set up logging for this process from ``LOG_CONFIG`` or the ``DEFAULT_LOG_*`` settings.

    Raises:
        ConfigError: the settings cannot be used.
    """
    log_config = config["LOG_CONFIG"]
    if log_config is None:
        log_config = {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "default": {
                    "format": config["DEFAULT_LOG_FORMAT"],
                    "style": config["DEFAULT_LOG_FORMAT_STYLE"],
                    "datefmt": config["DEFAULT_LOG_DATE_FORMAT"],
                }
            },
            "handlers": {
                "default": {"class": "logging.StreamHandler", "formatter": "default"}
            },
            # It announces each of its own parts at every start.
            "loggers": {"alembic.runtime.plugins": {"level": "WARNING"}},
            "root": {"level": config["DEFAULT_LOG_SEVERITY"], "handlers": ["default"]},
        }
    try:
        logging.config.dictConfig(dict(log_config))
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        reason = f"{error} ({error.__cause__})" if error.__cause__ else str(error)
        raise ConfigError(
            "LOG_CONFIG, or DEFAULT_LOG_FORMAT and its style, cannot be used: "
            f"{' '.join(reason.split())}"
        ) from error
    # A filter on a logger would miss what comes from the loggers below it.
    loggers = [logging.getLogger(), *logging.getLogger().manager.loggerDict.values()]
    for handler in {h for logger in loggers for h in getattr(logger, "handlers", ())}:
        if not any(isinstance(known, ContextFilter) for known in handler.filters):
            handler.addFilter(ContextFilter())
        if not isinstance(handler.formatter, SafeFormatter):
            handler.setFormatter(SafeFormatter(handler.formatter))
