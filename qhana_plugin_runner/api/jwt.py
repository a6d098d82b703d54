"""JWT verification and the security schemes of the API documentation."""

from typing import Any

from flask import Flask, Response, jsonify, make_response
from flask_babel import gettext as _
from flask_jwt_extended import JWTManager

__all__ = ["JWT", "SECURITY_SCHEMES", "register_jwt"]

JWT = JWTManager()

_BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "jwt": {**_BEARER, "description": "An access token."},
    "jwt-refresh-token": {**_BEARER, "description": "A refresh token."},
}


def _refuse(reason: str) -> Response:
    answer = jsonify(code=401, status="Unauthorized", message=reason)
    return make_response(answer, 401, {"WWW-Authenticate": "Bearer"})


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
