"""Tells whether two processes have the same secret key, without telling the key."""

import hmac
from collections.abc import Mapping
from typing import Any


def fingerprint(config: Mapping[str, Any]) -> str:
    """Return what is the same for all processes with the same ``SECRET_KEY``, and no others."""
    key = config["SECRET_KEY"]
    key = key.encode() if isinstance(key, str) else key
    return hmac.new(key, b"fingerprint of the secret key", "sha256").hexdigest()[:16]
