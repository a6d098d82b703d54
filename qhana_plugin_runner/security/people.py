"""Who may do what when ``AUTH_MODE`` is ``token``: the one table of roles, and its check.

What is public holds no data of users. Everything else needs a role by its method, so that a view
that is forgotten here is protected.
"""

import time
from collections.abc import Mapping
from typing import Any

from flask import Flask, g, request
from flask_jwt_extended import get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import RevokedTokenError
from jwt import ExpiredSignatureError, MissingRequiredClaimError
from werkzeug.routing import Rule

from ..db import DB
from ..errors import RunnerError
from .tokens import Role, is_revoked

COOKIE = "qhana_token"
"""The name of the cookie in which the workbench keeps a token."""

PUBLIC = frozenset(
    {
        "api-docs.openapi_json",
        "api-root.RootView",
        "docs.asset",
        "docs.rapidoc",
        "docs.redoc",
        "docs.swagger_ui",
        "entrance",
        "health.live",
        "health.ready",
        "files-api.FileView",  # checks the unguessable `file-id` of its URL
        "licenses.licenses",
        "login.login",
        "login.logout",
        "docs.package_file",
        "plugins-api.PluginView",
        "plugins-api.PluginsView",
        "schemas-api.FormSchemaView",
        "static",
    }
)
"""The endpoints that need no token; and so does the root of each plugin, its metadata."""

ADMIN_BLUEPRINTS = frozenset({"debug", "status"})

_BY_METHOD = {"GET": Role.READ, "HEAD": Role.READ, "DELETE": Role.ADMIN}


class RoleMissing(RunnerError):
    """A token is valid but does not allow what is asked for."""

    http_status = 403

    def __init__(self, needed: Role, given: Role | None) -> None:
        has = f"has the role {given}" if given else "has no role"
        super().__init__(f"this needs a token with the role {needed}; yours {has}")


def required_role(rule: Rule, method: str) -> Role | None:
    """Return the role that a request needs; ``None`` when everybody may send it."""
    if rule.endpoint in PUBLIC or method == "OPTIONS":
        return None
    blueprint = rule.endpoint.rpartition(".")[0]
    if blueprint in ADMIN_BLUEPRINTS:
        return Role.ADMIN
    if method in ("GET", "HEAD") and rule.rule.endswith(f"/plugins/{blueprint}/"):
        return None
    return _BY_METHOD.get(method, Role.RUN)


def role_of(claims: Mapping[str, Any], path: str) -> Role | None:
    """Return the highest role that a token names.

    Args:
        claims: of the token.
        path: where the roles are, a text or a list of texts; a dot leads into an object.
    """
    found: Any = claims
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    named = found if isinstance(found, list) else [found]
    return max(
        (role for role in Role if role in named), key=list(Role).index, default=None
    )


def require_valid_token() -> None:
    """Check the token of this request once more, as long as it waits.

    Raises:
        ExpiredSignatureError: it has ended meanwhile.
        RevokedTokenError: it was revoked meanwhile.
    """
    claims = g.get("token_claims")
    if claims is None:
        return
    if claims["exp"] <= time.time():
        raise ExpiredSignatureError
    has_ended = is_revoked(claims.get("jti"))
    DB.session.rollback()  # gives the connection back
    if has_ended:
        raise RevokedTokenError({}, dict(claims))


def allows(role: str) -> bool:
    """Tell whether who sees this page may do what needs a role; for templates."""
    given: Role | None = g.get("token_role")
    return given is None or given.includes(Role(role))


def register_people(app: Flask) -> None:
    """Require a token with a role for what is not public, when ``AUTH_MODE`` says so."""
    app.jinja_env.globals["allows"] = allows
    if app.config["AUTH_MODE"] != "token":
        return
    role_path: str = app.config["AUTH_ROLE_CLAIM"]

    @app.before_request
    def check_role() -> None:
        rule = request.url_rule
        needed = required_role(rule, request.method) if rule is not None else None
        if needed is None:
            return
        verify_jwt_in_request()
        DB.session.rollback()  # gives the connection back, which views may not need
        claims = get_jwt()
        if "exp" not in claims:
            raise MissingRequiredClaimError("exp")
        g.token_claims = claims
        given = g.token_role = role_of(claims, role_path)
        if given is None or not given.includes(needed):
            raise RoleMissing(needed, given)


def has_role(claims: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Tell whether a token, whose signature was checked, is of use here."""
    is_access = claims.get("type") == "access" and "exp" in claims
    return is_access and role_of(claims, config["AUTH_ROLE_CLAIM"]) is not None
