"""Logging: one configuration for web processes, workers and commands.

Every record carries ``task_id`` and ``plugin`` (empty when there is none) for use in
``LOG_CONFIG``, and ``context``, the two ready for a log line: ``" [task 5 hello-world@v1]"``.
"""

import logging
import logging.config
import re
from collections.abc import Collection, Mapping
from typing import Any

from flask import Flask, current_app, has_request_context, request

from .config import ConfigError
from .current_message import current_message


def get_logger(app: Flask, name: str) -> logging.Logger:
    """Return the logger ``name`` below the app's own: ``get_logger(app, "storage")``."""
    return logging.getLogger(f"{app.logger.name}.{name}")


_ALWAYS_PRIVATE = re.compile("password|secret|token", re.IGNORECASE)


def redact_log_data(data: Any, private_fields: Collection[str] | None = None) -> Any:
    """Return a copy of form or JSON data that may be logged.

    Args:
        data: mappings and lists are searched at every depth; other values come back unchanged.
        private_fields: the keys whose values are replaced by ``***``; keys that speak of
            passwords, secrets and tokens are always replaced.
    """
    if isinstance(data, Mapping):
        return {
            key: (
                "***"
                if key in (private_fields or ()) or _ALWAYS_PRIVATE.search(str(key))
                else redact_log_data(value, private_fields)
            )
            for key, value in data.items()
        }
    if isinstance(data, (list, tuple)):
        return [redact_log_data(value, private_fields) for value in data]
    return data


def plugin_of_request() -> str | None:
    """Return the identifier of the plugin whose view answers the current request."""
    if not has_request_context():
        return None
    # By its endpoint and not the path, which may hold line breaks and other forgeries.
    plugins = current_app.extensions.get("qhana_plugins")
    return plugins.plugin_of(request.endpoint) if plugins else None


class ContextFilter(logging.Filter):
    """Puts task and plugin on each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = current_message()
        task_id = "" if message.task_id is None else str(message.task_id)
        name = message.task_name
        plugin = name.partition(".")[0] if "@" in name else plugin_of_request() or ""
        record.task_id, record.plugin = task_id, plugin
        words = [f"task {task_id}" if task_id else "", plugin]
        text = " ".join(word for word in words if word)
        record.context = f" [{text}]" if text else ""
        return True


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
