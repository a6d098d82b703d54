"""The id of the HTTP request that work is done for: the same in the logs of all processes.

Each request has one. It is in the answer, goes along with the messages that the request sends, with
those that their work sends, and with the webhooks that are called for it.
"""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, has_request_context, request

from .current_message import current_message

HEADER = "X-Request-ID"

MAX_LENGTH = 128

_ENVIRON_KEY = "qhana_plugin_runner.request_id"

# What ids of proxies consist of, and nothing that means something in a log, a page or a shell.
_VALID = re.compile(rf"[A-Za-z0-9._:/+=@-]{{1,{MAX_LENGTH}}}")


def request_id() -> str:
    """Return the id of the request that this code works for; blank when it is none."""
    if known := current_message().request_id:
        return known
    return request_id_in(request.environ) if has_request_context() else ""


def request_id_in(environ: dict[str, Any]) -> str:
    """Return the id of a request; blank before the app has got it."""
    known: str = environ.get(_ENVIRON_KEY, "")
    return known


class _RequestIds:
    """Gives each request an id, and puts it into the answer, whatever that is.

    Args:
        app: the WSGI application
        trusted: whether a proxy that is trusted sets the header of requests
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], trusted: bool) -> None:
        self._app, self._trusted = app, trusted

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        given = environ.get("HTTP_X_REQUEST_ID", "") if self._trusted else ""
        id_ = given if _VALID.fullmatch(given) else os.urandom(8).hex()
        environ[_ENVIRON_KEY] = id_

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            # A view that passes on an answer of another server has its header, too.
            kept = [each for each in headers if each[0].lower() != "x-request-id"]
            return start_response(status, [*kept, (HEADER, id_)], *error)

        return self._app(environ, start)


def register_request_ids(app: Flask) -> None:
    """Give each request of an app an id; that of a proxy only where proxies are trusted."""
    trusted = bool(app.config["REVERSE_PROXY_COUNT"])
    app.wsgi_app = _RequestIds(app.wsgi_app, trusted)  # type: ignore[method-assign]
