"""Who sends a request."""

from flask import g, request

__all__ = ["client_id"]


def client_id() -> str:
    """Return what the limits of a client count by: the subject of its token, or its address."""
    claims = g.get("token_claims")
    return f"token {claims['sub']}" if claims else request.remote_addr or ""
