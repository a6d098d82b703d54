"""Which names the runner answers to, and which web pages may use it.

A runner is *local* when it is bound to loopback and no proxy is in front of it, else *public*. What
it is bound to is what the web server says of its socket, never what a client sends. Programs, which
name no origin, may do everything.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from flask import Flask, request

from ..errors import RunnerError
from ..util.flask_app import Environ, Head, RunnerFlask
from ..util.log_once import is_first_to_log
from ..util.request_id import HEADER

_logger = logging.getLogger(__name__)

_EXTENSION = "qhana_sites"

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::[0-9]{0,5})?", re.ASCII)

_READING = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))

CORS_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"

PROBES = frozenset({"health.live", "health.ready"})
"""The endpoints that answer whatever the ``Host``: probes send the address of a container. A page
that has made its own name lead here learns from them that there is a runner, and no details."""

ALL = "*"
"""Stands in a list for all hosts or origins."""

OPEN_TO_PAGES = (
    "web pages of all origins may use this runner: it is public (bound to %s), and ALLOWED_ORIGINS "
    "is not set. Set it to the origins of the pages that may, and ALLOWED_HOSTS to the names of "
    "the runner"
)

OPEN_TO_ALL = (
    "everyone who reaches this runner may use it: it is public (bound to %s), and AUTH_MODE is "
    "open. Where no proxy asks who they are, listen on 127.0.0.1, or set AUTH_MODE=token and "
    "create tokens with: flask token create --role run --expires 7d"
)


class ForeignHost(RunnerError):
    """A request names a host that the runner is not."""

    http_status = 421

    def __init__(self, host: str) -> None:
        super().__init__(
            f"this runner is not called {host[:100]!r}; if that is one of its names, add it to "
            "the setting ALLOWED_HOSTS, or make it SERVER_NAME"
        )


class ForeignOrigin(RunnerError):
    """A page of a strange origin wants to change something."""

    http_status = 403

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"pages of the origin {origin[:100]!r} may not use this runner; if you trust them, "
            "add it to the setting ALLOWED_ORIGINS"
        )


def is_loopback(name: str) -> bool:
    """Tell whether a host name or an address leads to this machine, whatever DNS says."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return bool((getattr(address, "ipv4_mapped", None) or address).is_loopback)


def host_name(host: str) -> str:
    """Return the name in a ``Host`` header; blank when it is none."""
    match = _HOST.fullmatch(host.lower())
    return (match[1] or match[2]).removesuffix(".") if match else ""


class Sites:
    """The names and the friends of a runner; each answer is remembered."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        hosts = list(config["ALLOWED_HOSTS"] or ())
        if config["SERVER_NAME"]:
            hosts.append(host_name(config["SERVER_NAME"]))
        self._names = frozenset(hosts)
        self._endings = tuple(host[1:] for host in hosts if host.startswith(ALL))
        self._checks_hosts = bool(config["ALLOWED_HOSTS"])
        self._is_proxied = bool(config["REVERSE_PROXY_COUNT"])
        self.origins: frozenset[str] | None = None
        if config["ALLOWED_ORIGINS"] is not None:
            self.origins = frozenset(config["ALLOWED_ORIGINS"])
        self._warnings = []
        if self.origins is None:
            self._warnings.append(OPEN_TO_PAGES)
        if config["AUTH_MODE"] == "open":
            self._warnings.append(OPEN_TO_ALL)
        self._is_loopback = lru_cache(128)(self._listens_on)
        self._is_name = lru_cache(128)(self._has_name)
        self._framers = lru_cache(128)(self._sources)
        self._is_friend = lru_cache(128)(self._trusts)

    def listens_on(self, addresses: Iterable[str]) -> None:
        """Take what the web server is bound to, as far as it is known at start."""
        for address in addresses:
            self._is_loopback(address)

    def is_local(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether only this machine reaches the runner that got a request.

        Gunicorn calls a Unix socket by the ``Host`` of the request; its clients have no address.
        """
        return (
            not self._is_proxied
            and bool(environ.get("REMOTE_ADDR"))
            and self._is_loopback(environ.get("SERVER_NAME", ""))
        )

    def is_open(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether pages of all origins may do everything."""
        if self.origins is None:
            return not self.is_local(environ)
        return ALL in self.origins

    def is_open_unasked(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether they may because nobody has said which."""
        return self.origins is None and self.is_open(environ)

    def answers_to(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether the ``Host`` of a request, if it has one, is a name of the runner."""
        if not self._checks_hosts and not self.is_local(environ):
            return True
        host = environ.get("HTTP_HOST")
        return not host or self._is_name(host)

    def may_change(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether the page that sends a request, if it is one, may change something."""
        site = environ.get("HTTP_SEC_FETCH_SITE")
        if site in ("same-origin", "none") or self.is_open(environ):
            return True
        origin = environ.get("HTTP_ORIGIN")
        return site is None if origin is None else self.is_friend(origin, environ)

    def is_led_by_strangers(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether a page that may not use the runner makes a browser get a URL of it.

        Browsers send no origin then, but at most what is before the path of the page.
        """
        if environ.get("HTTP_SEC_FETCH_SITE") != "cross-site" or self.is_open(environ):
            return False
        origin = "/".join(environ.get("HTTP_REFERER", "").split("/", 3)[:3])
        return not self.is_friend(origin, environ)

    def is_friend(self, origin: str, environ: Mapping[str, Any]) -> bool:
        """Tell whether the pages of an origin may use the runner."""
        host = environ.get("HTTP_HOST", "")
        return self._is_friend(origin, host, self.is_local(environ))

    def framers(self, environ: Mapping[str, Any]) -> str:
        """Return whose pages may show those of the runner in frames, as a CSP source list.

        Blank means anybody's. Browsers know no sources with addresses of IPv6.
        """
        if self.is_open(environ):
            return ""
        return self._framers(environ.get("HTTP_HOST", ""), self.is_local(environ))

    def _sources(self, host: str, is_local: bool) -> str:
        names = [host_name(host)]
        if is_local:
            names += ["localhost", "*.localhost", "127.0.0.1"]
        sources = [
            "'self'",
            *(f"http://{name}:*" for name in names if name and ":" not in name),
        ]
        sources += sorted(self.origins or ())
        return " ".join(source for source in dict.fromkeys(sources) if "[" not in source)

    def _listens_on(self, address: str) -> bool:
        found = is_loopback(address)
        if not found or self._is_proxied:
            while self._warnings:
                text = self._warnings.pop()
                if is_first_to_log(text):
                    _logger.warning(text, address or "a socket")
        return found

    def _has_name(self, host: str) -> bool:
        name = host_name(host)
        if not name:
            return False
        return name in self._names or name.endswith(self._endings) or is_loopback(name)

    def _trusts(self, origin: str, host: str, is_local: bool) -> bool:
        if self.origins and origin.lower() in self.origins:
            return True
        scheme, _separator, rest = origin.partition("://")
        name = host_name(rest) if scheme in ("http", "https") else ""
        if not name:
            return False
        return name == host_name(host) or (is_local and is_loopback(name))


def sites_of(app: Flask) -> Sites:
    """Return the names and friends of an app."""
    sites: Sites = app.extensions[_EXTENSION]
    return sites


def register_sites(app: RunnerFlask) -> None:
    """Check each request of an app, and tell browsers which pages may read the answers.

    Registered before all others, the check comes first.
    """
    sites = app.extensions[_EXTENSION] = Sites(app.config)

    @app.before_request
    def check_sites() -> None:
        environ = request.environ
        if not sites.answers_to(environ) and request.endpoint not in PROBES:
            raise ForeignHost(environ["HTTP_HOST"])
        if environ["REQUEST_METHOD"] not in _READING and not sites.may_change(environ):
            raise ForeignOrigin(environ.get("HTTP_ORIGIN", "null"))

    def allow_origins(environ: Environ, head: Head) -> None:
        origin = ALL
        if not sites.is_open(environ):
            head.vary("Origin")
            origin = environ.get("HTTP_ORIGIN", "")
            if not origin or not sites.is_friend(origin, environ):
                return
        if "Access-Control-Allow-Origin" in head:
            return  # a view has decided itself
        head.set("Access-Control-Allow-Origin", origin)
        head.setdefault("Access-Control-Expose-Headers", HEADER)
        if "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            if environ["REQUEST_METHOD"] == "OPTIONS":
                head.set("Access-Control-Allow-Methods", CORS_METHODS)
                if wanted := environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"):
                    head.set("Access-Control-Allow-Headers", wanted)

    app.head_funcs.append(allow_origins)
