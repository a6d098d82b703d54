"""Logging: one configuration for web processes, workers and commands.

Every record carries ``task_id``, ``plugin`` and ``request_id`` (empty when there is none) for use
in ``LOG_CONFIG``, and ``context``, the three ready for a log line:
``" [task 5 hello-world@v1 request 70f43cd3e5b5a1d2]"``.
"""

import copy
import logging
import logging.config
import math
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask, current_app, has_request_context, request

from .config import ConfigError
from .current_message import current_message
from .json_lines import json_line, rfc3339
from .redaction import MASK, is_private, redact_log_data, redact_text
from .request_id import request_id

__all__ = [
    "JSON",
    "ContextFilter",
    "JSONFormatter",
    "SafeFormatter",
    "configure_logging",
    "dress_handlers",
    "get_logger",
    "plugin_of_request",
    "redact_log_data",
    "writes_json",
]

# All that ends a line, or moves the cursor of a terminal, or turns the text around.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
_BREAK = re.compile("[\r\n]")

JSON = "json"
"""The value of ``DEFAULT_LOG_FORMAT_STYLE`` for lines that are objects of JSON."""

_CONTEXT = ("request_id", "task_id", "plugin")

_NO_EXTRAS = {*vars(logging.makeLogRecord({})), *_CONTEXT, "message", "asctime"}
_NO_EXTRAS |= {"context", "taskName", "_has_context"}
"""Attributes of each record; all others are fields that were given as ``extra``."""

_OWN = {"timestamp", "level", "logger", "message", "process", "thread"}
_OWN |= {"exception", "stack", "service"}
"""Fields that no ``extra`` overrides; the launcher adds ``service``."""

_MAX_LEVELS = 8

_is_json = False
"""Whether the settings say so, as they were configured last in this process."""


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
    """Puts task, plugin and request on each record; an ``extra`` of that name gets a ``_``."""

    def filter(self, record: logging.LogRecord) -> bool:
        values = vars(record)
        if "_has_context" not in values:
            for name in values.keys() & {*_CONTEXT, "context"}:
                values[f"{name}_"] = values[name]
            values["_has_context"] = True
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
        message, fits = _message(record)
        if not fits or _BREAK.search(message):
            record = copy.copy(record)
            record.msg, record.args = _BREAK.sub(_escaped, message), None
        text = redact_text(self.formatter.format(record))
        return _CONTROL.sub(_escaped, text).replace("\n", "\n    ")


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


class JSONFormatter(SafeFormatter):
    """Makes one line of JSON of a record; may be used in ``LOG_CONFIG``, too.

    Secrets are masked as in text. It never fails: what cannot be shown is described.
    """

    def __init__(self) -> None:
        super().__init__(None)

    def format(self, record: logging.LogRecord) -> str:
        values = vars(record)
        if "_has_context" not in values:  # the handler was made after the configuration
            ContextFilter().filter(record)
        fields: dict[str, Any] = {
            "timestamp": rfc3339(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": redact_text(_message(record)[0]),
            "process": record.process,
        }
        if record.threadName != "MainThread":
            fields["thread"] = record.threadName
        for name in _CONTEXT:
            if value := values[name]:
                fields[name] = int(value) if name == "task_id" else value
        if record.exc_info:
            fields["exception"] = redact_text(self.formatException(record.exc_info))
        if record.stack_info:
            fields["stack"] = redact_text(record.stack_info)
        fields.update(_extras(values))
        return json_line(fields)


def _message(record: logging.LogRecord) -> tuple[str, bool]:
    """Return the message, and whether its arguments fit."""
    try:
        return record.getMessage(), True
    except Exception:
        return f"{_repr(record.msg)} % {_repr(record.args)}", False


def _extras(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what was given as ``extra``."""
    args = values["args"]
    for name, value in values.items():
        # Celery gives the arguments of the message once more.
        if name not in _NO_EXTRAS and not (args and value is args):
            shown = MASK if is_private(name) else _shown(value)
            yield f"{name}_" if name in _OWN else name, shown


def _shown(value: Any, level: int = 0) -> Any:
    """Return a value as JSON can hold it, without secrets."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value.bit_length() <= 64:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, str):
        return redact_text(str.__str__(value))
    try:
        if isinstance(value, Mapping) and level < _MAX_LEVELS:
            shown = {str(key): each for key, each in value.items()}
            return {
                redact_text(key): MASK if is_private(key) else _shown(each, level + 1)
                for key, each in shown.items()
            }
        if isinstance(value, (list, tuple)) and level < _MAX_LEVELS:
            return [_shown(each, level + 1) for each in value]
    except Exception:
        pass  # code of others; its repr may still do
    return redact_text(_repr(value))


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__} without repr>"


def _log_uncaught(kind: Any, error: Any, traceback: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        logging.critical("uncaught exception", exc_info=(kind, error, traceback))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit:
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def configure_logging(config: Mapping[str, Any]) -> None:
    """Set up logging for this process from ``LOG_CONFIG`` or the ``DEFAULT_LOG_*`` settings.

    Raises:
        ConfigError: the settings cannot be used.
    """
    log_config = config["LOG_CONFIG"]
    is_json = log_config is None and config["DEFAULT_LOG_FORMAT_STYLE"] == JSON
    if log_config is None:
        line = {
            "format": config["DEFAULT_LOG_FORMAT"],
            "style": config["DEFAULT_LOG_FORMAT_STYLE"],
            "datefmt": config["DEFAULT_LOG_DATE_FORMAT"],
        }
        log_config = {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"default": {"()": JSONFormatter} if is_json else line},
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
    global _is_json
    _is_json = is_json
    dress_handlers()
    if is_json:
        logging.captureWarnings(True)
        sys.excepthook, threading.excepthook = _log_uncaught, _log_uncaught_in_thread


def writes_json(logger: logging.Logger) -> bool:
    """Whether a logger has a handler that writes JSON."""
    return any(isinstance(each.formatter, JSONFormatter) for each in logger.handlers)


def dress_handlers() -> None:
    """Let all handlers of this process name the context, mask secrets, and use one format."""
    # A filter on a logger would miss what comes from the loggers below it.
    loggers = [logging.getLogger(), *logging.getLogger().manager.loggerDict.values()]
    for handler in {h for logger in loggers for h in getattr(logger, "handlers", ())}:
        if not any(isinstance(known, ContextFilter) for known in handler.filters):
            handler.addFilter(ContextFilter())
        if _is_json:
            handler.setFormatter(JSONFormatter())
        elif not isinstance(handler.formatter, SafeFormatter):
            handler.setFormatter(SafeFormatter(handler.formatter))
