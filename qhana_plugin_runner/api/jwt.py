"""JWT verification and the security schemes of the API documentation."""

from typing import Any

from flask import Flask, Response
from flask_babel import gettext as _
from flask_jwt_extended import JWTManager

from .errors import error_response

__all__ = ["JWT", "SECURITY_SCHEMES", "register_jwt"]

JWT = JWTManager()

_BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "jwt": {**_BEARER, "description": "An access token."},
    "jwt-refresh-token": {**_BEARER, "description": "A refresh token."},
}


def _refuse(reason: str) -> Response:
    response = error_response(401, reason)
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


def register_jwt(app: Flask) -> None:
    """Verify tokens signed with ``JWT_SECRET_KEY`` or ``SECRET_KEY`` in this app."""
    JWT.init_app(app)
