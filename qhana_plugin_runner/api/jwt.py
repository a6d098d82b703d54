"""JWT verification and the security schemes of the API documentation."""

from typing import Any

from flask import Flask, current_app, redirect, request, url_for
from flask_babel import gettext as _
from flask_jwt_extended import JWTManager
from flask_smorest.spec.plugins import FlaskPlugin
from jwt import PyJWTError
from werkzeug.wrappers import Response

from ..security.people import COOKIE, register_people, required_role
from ..security.tokens import is_revoked
from .errors import error_response
from .negotiation import wants_html

JWT = JWTManager()

_BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "jwt": {**_BEARER, "description": "An access token."},
    "jwt-refresh-token": {**_BEARER, "description": "A refresh token."},
}


_PUBLIC_KEY_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""None that signs with a secret: the public key is not one."""


def _refuse(reason: str) -> Response:
    has_login = current_app.config["AUTH_MODE"] == "token"
    if has_login and request.method == "GET" and wants_html():
        wanted = (request.script_root + request.full_path).rstrip("?")
        return redirect(url_for("login.login", next=wanted))
    response: Response = error_response(401, reason)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


@JWT.unauthorized_loader
@JWT.invalid_token_loader
def _refuse_invalid(reason: str) -> Response:
    return _refuse(reason)


@JWT.expired_token_loader
@JWT.revoked_token_loader
def _refuse_expired(_header: Any, _payload: Any) -> Response:
    return _refuse(_("The token has expired. Request a new one."))


@JWT.needs_fresh_token_loader
def _refuse_stale(_header: Any, _payload: Any) -> Response:
    return _refuse(_("A fresh token is required. Log in again."))


@JWT.token_in_blocklist_loader
def _is_revoked(_header: Any, payload: dict[str, Any]) -> bool:
    return is_revoked(payload.get("jti"))


def document_roles(app: Flask, spec: Any) -> None:
    """Tell in an API document which operations need a token, when ``AUTH_MODE`` asks for them."""
    if app.config["AUTH_MODE"] != "token":
        return
    spec.options["security"] = [{"jwt": []}]
    for rule in app.url_map.iter_rules():
        operations = spec._paths.get(FlaskPlugin.flaskpath2openapi(rule.rule), {})
        for method in rule.methods or ():
            if method.lower() in operations and required_role(rule, method) is None:
                operations[method.lower()].setdefault("security", [])


def register_jwt(app: Flask) -> None:
    """Verify tokens signed with ``JWT_SECRET_KEY`` or ``SECRET_KEY``, or by ``AUTH_PUBLIC_KEY``.

    With ``AUTH_MODE=token`` each request needs one; browsers send it as a cookie.
    """
    config = app.config
    if config["AUTH_PUBLIC_KEY"]:
        config["JWT_PUBLIC_KEY"] = config["AUTH_PUBLIC_KEY"]
        config["JWT_ALGORITHM"] = _PUBLIC_KEY_ALGORITHMS[0]
        config["JWT_DECODE_ALGORITHMS"] = _PUBLIC_KEY_ALGORITHMS
        config["JWT_DECODE_ISSUER"] = config["AUTH_ISSUER"]
        config["JWT_DECODE_AUDIENCE"] = config["AUTH_AUDIENCE"]
    if config["AUTH_MODE"] == "token":
        config["JWT_TOKEN_LOCATION"] = ["headers", "cookies"]
        config["JWT_ACCESS_COOKIE_NAME"] = COOKIE
        # Strange sites are refused by their origin, for all requests.
        config["JWT_COOKIE_CSRF_PROTECT"] = False
    JWT.init_app(app)
    # What the extension does not expect, such as an algorithm for another kind of key.
    app.register_error_handler(
        PyJWTError, lambda _error: _refuse(_("The token is invalid."))
    )
    register_people(app)
