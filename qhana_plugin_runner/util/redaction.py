"""URLs in messages and logs, without passwords and queries: these may be secret."""

import re

__all__ = ["MAX_SHOWN_LENGTH", "display_url", "redact_urls"]

MAX_SHOWN_LENGTH = 120
"""Characters of a URL in a message: a line in a terminal, not a whole data URL."""

_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


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
