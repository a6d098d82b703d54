"""The check of reverse proxies: whether ``REVERSE_PROXY_COUNT`` fits what requests bring."""

import time
from ipaddress import ip_address

from flask import current_app
from flask_babel import lazy_gettext as _

from ...util.flask_app import Environ, RunnerFlask
from .result import Outcome, Problem

_SEEN = "qhana_health_proxies"

REMEMBERED = 60 * 60.0
"""Seconds for which a request is remembered that does not fit."""


def note_proxies(app: RunnerFlask) -> None:
    """Remember requests that came through another number of proxies than the setting says."""
    count: int = app.config["REVERSE_PROXY_COUNT"]

    def note(environ: Environ) -> None:
        value = environ.get("HTTP_X_FORWARDED_FOR")
        if value is None:
            return
        named = value.count(",") + 1
        # With a count of its own, the first values are made up by whoever likes to.
        if named < count or (not count and _is_near(environ.get("REMOTE_ADDR"))):
            app.extensions[_SEEN] = (time.monotonic(), named)

    app.environ_funcs.append(note)


def _is_near(address: str | None) -> bool:
    """Whether an address may be that of a proxy: everybody can send its header."""
    try:
        return ip_address(address or "").is_private
    except ValueError:
        return not address  # a Unix socket


def look_at_proxies() -> Outcome:
    """Look whether requests came through as many proxies as REVERSE_PROXY_COUNT says."""
    count = current_app.config["REVERSE_PROXY_COUNT"]
    facts = f"REVERSE_PROXY_COUNT={count}"
    at, named = current_app.extensions.get(_SEEN, (None, 0))
    if at is None or time.monotonic() - at > REMEMBERED:
        return Outcome(facts)
    return Outcome(
        facts,
        [
            Problem(
                _("unexpected number of proxies"),
                _(
                    "The `X-Forwarded-For` header of a request lists %(named)s "
                    "addresses, but REVERSE_PROXY_COUNT is %(count)s, so URLs and "
                    "client addresses are wrong.",
                    named=named,
                    count=count,
                ),
                _(
                    "Set REVERSE_PROXY_COUNT to the number of proxies in front of the runner that "
                    "set `X-Forwarded-*`."
                ),
            )
        ],
    )
