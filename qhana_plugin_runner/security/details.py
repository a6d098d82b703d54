"""Who may see how the runner is set up: causes of problems, hosts, numbers.

With ``AUTH_MODE=token`` it takes the role ``admin``. Otherwise it takes a client on this machine.
"""

from collections.abc import Mapping
from typing import Any

from flask import current_app, g, request
from flask_jwt_extended import get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import PyJWTError
from sqlalchemy.exc import SQLAlchemyError

from ..db import DB
from ..errors import RunnerError
from .people import has_role, role_of
from .sites import host_name, is_loopback
from .tokens import Role

FORWARDED = (
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)
"""What proxies add to a request, as WSGI names it."""


class DetailsHidden(RunnerError):
    """Who asks may not see how the runner is set up."""

    http_status = 403

    def __init__(self, role: Role) -> None:
        super().__init__(
            "while AUTH_MODE is open, this is shown to clients on the machine of the runner only: "
            "ask from there, at 127.0.0.1, or set AUTH_MODE=token and send a token with the role "
            f"{role}"
        )


def may_see_details(is_for_link: bool = False) -> bool:
    """Tell whether who sends this request may see how the runner is set up.

    Args:
        is_for_link: only decides whether a link to details is shown; does not ask the database
            whether a token was revoked, so that pages are shown while it is down.
    """
    if current_app.config["AUTH_MODE"] == "token":
        return _is_admin(is_for_link)
    return _is_on_this_machine(request.environ)


def require_details(role: Role = Role.ADMIN) -> None:
    """Refuse this request unless its sender may see how the runner is set up.

    Args:
        role: that takes, with ``AUTH_MODE=token``; this has looked at it before.

    Raises:
        DetailsHidden: the sender may not.
    """
    if not may_see_details():
        raise DetailsHidden(role)


def _is_admin(is_for_link: bool) -> bool:
    if "token_role" in g:
        return g.token_role is Role.ADMIN
    # The page is public, so nobody has looked at the token.
    try:
        verify_jwt_in_request(optional=True, skip_revocation_check=is_for_link)
    except (JWTExtendedException, PyJWTError):
        return False
    except SQLAlchemyError:
        DB.session.rollback()
        return False
    claims, config = get_jwt(), current_app.config
    return (
        has_role(claims, config)
        and role_of(claims, config["AUTH_ROLE_CLAIM"]) is Role.ADMIN
    )


def _is_on_this_machine(environ: Mapping[str, Any]) -> bool:
    """Tell whether a request has never left this machine, and no web page is behind it.

    ``ProxyFix`` has replaced the address by what the last trusted proxy said, if there were as many
    proxies as ``REVERSE_PROXY_COUNT`` names.
    """
    address = environ.get("REMOTE_ADDR") or ""
    peer = environ.get("werkzeug.proxy_fix.orig", {}).get("REMOTE_ADDR") or address
    if not (is_loopback(peer) and is_loopback(address)):
        return False
    if any(name in environ for name in FORWARDED) and not _names_client(environ):
        return False
    host = environ.get("HTTP_HOST")
    if host and not is_loopback(host_name(host)):
        return False  # a page may have made its own name lead here
    site = environ.get("HTTP_SEC_FETCH_SITE", "none")
    return site in ("none", "same-origin") and "HTTP_ORIGIN" not in environ


def _names_client(environ: Mapping[str, Any]) -> bool:
    """Tell whether trusted proxies have said whose request it is."""
    count: int = current_app.config["REVERSE_PROXY_COUNT"]
    named = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    return 0 < count <= len(named) and bool(named[-count].strip())
