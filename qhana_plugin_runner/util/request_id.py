"""The id of the HTTP request that work is done for: the same in the logs of all processes.

Each request has one. It is in the answer, goes along with the messages that the request sends, with
those that their work sends, and with the webhooks that are called for it.
"""

import os
import re
from random import Random

from flask import has_request_context, request

from .current_message import current_message
from .flask_app import Environ, Head, RunnerFlask

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


def request_id_in(environ: Environ) -> str:
    """Return the id of a request; blank before the app has got it."""
    known: str = environ.get(_ENVIRON_KEY, "")
    return known


_random = Random()
"""Ids need not be secret, and this asks the system for nothing."""

os.register_at_fork(after_in_child=_random.seed)


def register_request_ids(app: RunnerFlask) -> None:
    """Give each request of an app an id; that of a proxy only where proxies are trusted."""
    is_trusted = bool(app.config["REVERSE_PROXY_COUNT"])

    def take_or_make(environ: Environ) -> None:
        given = environ.get("HTTP_X_REQUEST_ID", "") if is_trusted else ""
        if not given or not _VALID.fullmatch(given):
            given = f"{_random.getrandbits(64):016x}"
        environ[_ENVIRON_KEY] = given

    def put_into_answer(environ: Environ, head: Head) -> None:
        # A view that passes on an answer of another server has its header, too.
        head.set(HEADER, environ[_ENVIRON_KEY])

    app.environ_funcs.append(take_or_make)
    app.head_funcs.append(put_into_answer)
