"""Logging: one configuration for web processes, workers and commands.

Every record carries ``task_id`` and ``plugin`` (empty when there is none) for use in
``LOG_CONFIG``, and ``context``, the two ready for a log line: ``" [task 5 hello-world@v1]"``.
"""

import logging
import logging.config
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask import Flask, has_request_context, request

_current_task: ContextVar[tuple[str, str]] = ContextVar("current_task", default=("", ""))

_PLUGIN_PATH = "/plugins/"


def get_logger(app: Flask, name: str) -> logging.Logger:
    """Return a logger below the app's own: ``get_logger(app, "storage")``."""
    return logging.getLogger(f"{app.logger.name}.{name}")


def redact_log_data(data: Any, private_fields: Sequence[str] = ()) -> Any:
    """Return a copy of form or JSON data that may be logged.

    Parameters:
        data: a mapping (other values come back unchanged).
        private_fields: the keys whose values are replaced by ``***``; keys that speak of
            passwords, secrets and tokens are always replaced.
    """
    if not isinstance(data, Mapping):
        return data
    always = ("password", "secret", "token")
    return {
        key: (
            "***"
            if key in private_fields or any(word in str(key).lower() for word in always)
            else value
        )
        for key, value in data.items()
    }


@contextmanager
def task_context(task_id: object, task_name: str) -> Iterator[None]:
    """Mark what is logged inside as work of one task.

    Parameters:
        task_id: the id of the task's row, or ``None``.
        task_name: the Celery task's name; plugins prefix theirs with their identifier.
    """
    plugin = task_name.partition(".")[0] if "@" in task_name else ""
    token = _current_task.set(("" if task_id is None else str(task_id), plugin))
    try:
        yield
    finally:
        _current_task.reset(token)


class ContextFilter(logging.Filter):
    """Puts task and plugin on each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        task_id, plugin = _current_task.get()
        if not plugin and has_request_context() and request.path.startswith(_PLUGIN_PATH):
            plugin = request.path[len(_PLUGIN_PATH) :].partition("/")[0]
        record.task_id, record.plugin = task_id, plugin
        words = [f"task {task_id}" if task_id else "", plugin]
        text = " ".join(word for word in words if word)
        record.context = f" [{text}]" if text else ""
        return True


def configure_logging(config: Mapping[str, Any]) -> None:
    """Set up logging for this process from ``LOG_CONFIG`` or the ``DEFAULT_LOG_*`` settings."""
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
    logging.config.dictConfig(dict(log_config))
    for handler in logging.getLogger().handlers:
        if not any(isinstance(known, ContextFilter) for known in handler.filters):
            handler.addFilter(ContextFilter())
