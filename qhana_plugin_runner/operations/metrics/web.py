"""Counts requests, by route and not by path: these may be any number."""

import logging
from time import perf_counter

from flask import Flask, Response, request

from .service import Metrics

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

_STARTED = "qhana_plugin_runner.started"

_logger = logging.getLogger(__name__)


def count_requests(app: Flask, metrics: Metrics) -> None:
    """Count each answer of an app, and how long it took until it was ready.

    Call it before anything else looks at requests: so it sees answers as they are sent.
    """

    @app.before_request
    def start() -> None:
        request.environ[_STARTED] = perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        asked = request._get_current_object()  # type: ignore[attr-defined]
        try:
            from .counters import count_request

            metrics.count()
            now = perf_counter()
            count_request(
                asked.method if asked.method in METHODS else "other",
                asked.url_rule.rule if asked.url_rule else "unmatched",
                response.status_code,
                now - asked.environ.get(_STARTED, now),
            )
        except Exception:  # such as a folder that was removed
            _logger.exception("a request is not counted")
        return response
