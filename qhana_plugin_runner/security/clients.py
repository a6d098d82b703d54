"""Whose request is it? Tells clients apart, so that limits can hold for each of them."""

import hmac
from ipaddress import ip_address, ip_network

from flask import current_app, g, request

IPV6_PREFIX = 64
"""Bits of an address that one subscriber cannot choose."""


def client_of_request() -> str:
    """Return a digest of who sends this request: the subject of the token, or else the address."""
    claims = g.get("token_claims")
    name = (
        _network(request.remote_addr or "") if claims is None else f"sub {claims['sub']}"
    )
    key = current_app.config["SECRET_KEY"]
    key = key.encode() if isinstance(key, str) else key
    return hmac.new(key, name.encode(), "sha256").hexdigest()[:32]


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    bits = IPV6_PREFIX if found.version == 6 else found.max_prefixlen
    return str(ip_network((found.packed, bits), strict=False))
