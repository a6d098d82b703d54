"""The check of the port of the web server, for ``flask doctor``."""

import errno
import os
import socket
from http.client import HTTPConnection, HTTPException

from flask_babel import lazy_gettext as _

from .result import Outcome, Problem

HOST, PORT = "127.0.0.1", "5005"

SECONDS = 2.0
"""For a server on this host to answer."""


def look_at_port() -> Outcome:
    """Look whether the port of the web server is free, or a runner answers there."""
    named = os.environ.get("SERVER_PORT") or os.environ.get("FLASK_RUN_PORT") or PORT
    if not (named.isascii() and named.isdecimal() and 0 < int(named) < 65536):
        cause = _("SERVER_PORT is %(port)s.", port=named)
        problem = Problem(_("no port"), cause, _("Set it to a number from 1 to 65535."))
        return Outcome(problems=[problem])
    port = int(named)
    if _is_runner(port):
        return Outcome(_("a runner answers at port %(port)s", port=port))
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            summary = _("in use")
            cause = _("Another program uses port %(port)s of this host.", port=port)
            cure = _("Stop it, or choose another port with `--port` or SERVER_PORT.")
        else:
            summary = _("cannot be used")
            cause = _("Port %(port)s cannot be used: %(cause)s.", port=port, cause=error)
            cure = _("Choose a port above 1023, with `--port` or SERVER_PORT.")
        return Outcome(problems=[Problem(summary, cause, cure)])
    return Outcome(_("port %(port)s is free", port=port))


def _is_runner(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=SECONDS)
    try:
        connection.request("GET", "/health/live")
        answer = connection.getresponse()
        return answer.status == 200 and b'"status"' in answer.read(1000)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
