"""Signed webhooks, as https://www.standardwebhooks.com describes them."""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256


def signature_headers(
    secrets: Sequence[bytes], call_id: str, time: datetime, body: bytes = b""
) -> dict[str, str]:
    """Return the headers that prove from whom a call comes; none when there is no secret.

    Args:
        secrets: several while receivers change from one to another: one signature for each
        call_id: the same for all attempts of a call, and for no other call
        time: of this attempt
        body: of the request
    """
    if not secrets:
        return {}
    timestamp = str(int(time.timestamp()))
    content = f"{call_id}.{timestamp}.".encode() + body
    signatures = [
        "v1," + b64encode(hmac.digest(secret, content, sha256)).decode("ascii")
        for secret in secrets
    ]
    return {
        "webhook-id": call_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }
