"""What messages, logs and pages show of values that may be secret: one mechanism for all."""

import re
from collections.abc import Collection, Mapping
from typing import Any

__all__ = [
    "MASK",
    "MAX_SHOWN_LENGTH",
    "display_url",
    "redact_log_data",
    "redact_text",
    "redact_urls",
]

MASK = "***"
"""Shown instead of a secret; micro frontends send it instead of a private value."""

MAX_SHOWN_LENGTH = 120
"""Characters of a URL in a message: a line in a terminal, not a whole data URL."""

_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)

_ALWAYS_PRIVATE = re.compile("password|passwd|secret|token", re.IGNORECASE)

_SECRET_IN_TEXT = re.compile(
    # The name in JSON (also as a text within JSON), Python, a form or a header ...
    rf"""((?:{_ALWAYS_PRIVATE.pattern}|authorization)[\w.-]{{0,40}}\\{{0,8}}["']?"""
    r"""\s{0,3}[:=]\s{0,3}\[?(?:bearer\s|basic\s)?)"""
    # ... and its value, which may be cut off.
    r"""(\\+".*?(?:\\+"|\Z)|"(?:[^"\\]|\\.)*(?:"|\\?\Z)|'(?:[^'\\]|\\.)*(?:'|\\?\Z)"""
    r"""|[^\s,;&"'{}\[\])\\][^\s,;&"'})\]\\]*)""",
    re.IGNORECASE | re.DOTALL,
)

_QUOTE = re.compile(r"""\\*["']""")

# What is cut off behind a colon may have been a password, unless it is a port.
_PASSWORD_IN_URL = re.compile(
    r"(?<=://)[^\s/@:]{0,500}:(?:[^\s/]{0,500}@|(?!\d{1,5}\Z)[^\s/@]{1,500}\Z)"
)


def redact_log_data(data: Any, private_fields: Collection[str] | None = None) -> Any:
    """Return a copy of form or JSON data that may be logged.

    Args:
        data: mappings and lists are searched at every depth; other values come back unchanged.
        private_fields: the keys whose values are replaced by ``***``; keys that speak of
            passwords, secrets and tokens are always replaced.
    """
    if isinstance(data, Mapping):
        return {
            key: (
                MASK
                if key in (private_fields or ()) or _ALWAYS_PRIVATE.search(str(key))
                else redact_log_data(value, private_fields)
            )
            for key, value in data.items()
        }
    if isinstance(data, (list, tuple)):
        return [redact_log_data(value, private_fields) for value in data]
    return data


def redact_text(text: str) -> str:
    """Mask what a text calls a password, secret or token, and passwords in URLs.

    JSON stays JSON, so that programs can read it.

    >>> redact_text('{"dbPassword": "hunter2", "n": 5} redis://:hunter2@host/0')
    '{"dbPassword": "***", "n": 5} redis://***@host/0'
    """
    return _PASSWORD_IN_URL.sub(f"{MASK}@", _SECRET_IN_TEXT.sub(_masked, text))


def _masked(match: re.Match[str]) -> str:
    name, value = match.groups()
    quote = _QUOTE.match(value) or _QUOTE.search(name)
    mark = quote[0] if quote else ""
    return f"{name}{mark}{MASK}{mark}"


def display_url(url: str) -> str:
    """Shorten a URL for messages and leave out user, password, query and fragment.

    >>> display_url("https://me:secret@example.org/a.zip?token=1")
    'https://example.org/a.zip'
    """
    if url[:5].lower() != "data:":
        url = _redact(url.partition("#")[0])
    return url if len(url) <= MAX_SHOWN_LENGTH else f"{url[: MAX_SHOWN_LENGTH - 1]}…"


def redact_urls(text: str) -> str:
    """Leave out user, password and query of all URLs in a text.

    >>> redact_urls("cannot read https://me:p@ss@host/file?token=1#part now")
    'cannot read https://host/file#part now'
    """
    return _URL.sub(lambda match: _redact(match[0]), text)


def _redact(url: str) -> str:
    url, separator, fragment = url.partition("#")
    scheme, slashes, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}{separator}{fragment}"
