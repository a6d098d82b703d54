"""References that stand for secrets, and the secrets of the request that has brought them.

A form field makes a reference of a secret, and the row of the task in which it turns up makes
the secret stay (:mod:`qhana_plugin_runner.security.secrets`). Until then it is only here: a form
that is checked, or never becomes a task, leaves nothing behind.
"""

import re
from secrets import token_hex

from flask import g, has_app_context, has_request_context

_REFERENCE = re.compile("secret:[0-9a-f]{32}")


def is_reference(value: object) -> bool:
    """Whether a value looks like a reference; whether it leads to a secret is another question."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def secrets_of_request() -> dict[str, str]:
    """Return the secrets that this request has brought, by their references."""
    if not has_app_context():
        return {}
    secrets: dict[str, str] = g.setdefault("_qhana_secrets", {})
    return secrets


def refer_to(secret: str) -> str:
    """Return a new reference that stands for a secret."""
    reference = f"secret:{token_hex(16)}"
    secrets_of_request()[reference] = secret
    return reference


def stays(value: object) -> bool:
    """Whether a value is a reference already, and is to stay one.

    A task loads the parameters that its view has stored. What a request sends is no reference but
    a secret, however it looks, unless the reference was made for this very request.
    """
    return is_reference(value) and (
        not has_request_context() or value in secrets_of_request()
    )
