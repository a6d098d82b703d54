"""What messages, logs and pages show of values that may be secret: one mechanism for all."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from traceback import format_exception
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
"""Shown instead of a secret; micro frontends send it instead of a private value."""

MAX_SHOWN_LENGTH = 120
"""Characters of a URL in a message: a line in a terminal, not a whole data URL."""

_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)

_ALWAYS_PRIVATE = re.compile(
    # Tokens of language models, and tokenizers, are no secrets.
    "password|passwd|secret|token(?!s|i[sz])|api[_-]?key|signature",
    re.IGNORECASE,
)

# Line by line: a quotation mark may be an apostrophe, to which the next one does not belong.
_SECRET_IN_TEXT = re.compile(
    # The name in JSON (also as a text within JSON), Python, a form or a header ...
    rf"""((?:{_ALWAYS_PRIVATE.pattern}|authorization)[\w.-]{{0,40}}+\\{{0,8}}["']?"""
    r"""[^\S\n]{0,3}[:=][^\S\n]{0,3}\[?(?:bearer[^\S\n]|basic[^\S\n])?)"""
    # ... and its value, which may be cut off.
    r"""(\\+".*?(?:\\+"|$)|"(?:[^"\\\n]|\\.)*(?:"|\\?$)|'(?:[^'\\\n]|\\.)*(?:'|\\?$)"""
    r"""|[^\s,;&"'{}\[\])\\][^\s,;&"'})\]\\]*)""",
    re.IGNORECASE | re.MULTILINE,
)

_QUOTE = re.compile(r"""\\*["']""")

# What is cut off behind a colon may have been a password, unless it is a port.
_PASSWORD_IN_URL = re.compile(
    r"(?<=://)[^\s/@:]{0,500}:(?:[^\s/]{0,500}@|(?!\d{1,5}\Z)[^\s/@]{1,500}\Z)"
)


SHORTEST_HIDDEN = 4
"""Characters of a secret; shorter ones are parts of too many words."""

SHORTEST_HIDDEN_LINE = 8
"""Characters of a line of a secret that is masked without the others."""

_HIDDEN: ContextVar[list[str] | None] = ContextVar("hidden_secrets", default=None)


@contextmanager
def hiding() -> Iterator[None]:
    """Mask the secrets that are revealed in the block, and only there."""
    token = _HIDDEN.set(list(_HIDDEN.get() or ()))
    try:
        yield
    finally:
        _HIDDEN.reset(token)


def hide(secret: str) -> None:
    """Mask a secret, in its usual spellings, for the rest of a block of :func:`hiding`.

    Of one with several lines, as keys have, each line is masked, too.
    """
    known = _HIDDEN.get()
    if known is None or len(secret) < SHORTEST_HIDDEN:
        return
    lines = [line.strip() for line in secret.splitlines()]
    parts = {secret, secret.replace("\r\n", "\n")}
    parts |= {part.strip() for part in parts}
    parts = {part for part in parts if len(part) >= SHORTEST_HIDDEN}
    parts |= {line for line in lines if len(line) >= SHORTEST_HIDDEN_LINE}
    spellings = {spelling for part in parts for spelling in _spellings(part)}
    known[:] = sorted(spellings.union(known), key=len, reverse=True)


def _spellings(secret: str) -> set[str]:
    spellings = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    in_json = {json.dumps(secret, ensure_ascii=ascii)[1:-1] for ascii in (False, True)}
    return spellings | in_json | {repr(secret)[1:-1]}


def hidden(text: str) -> str:
    """Mask the secrets that this task has revealed in a text.

    >>> with hiding():
    ...     hide("hunter2 & co")
    ...     hidden("no hunter2 & co at /?key=hunter2+%26+co")
    'no *** at /?key=***'
    """
    return _without(_HIDDEN.get(), text)


def hider() -> Callable[[str], str]:
    """Return what masks, in other threads, too, what this task has revealed by then."""
    return partial(_without, _HIDDEN.get())


def _without(secrets: list[str] | None, text: str) -> str:
    for secret in secrets or ():
        text = text.replace(secret, MASK)
    return text


def masked_error(error: BaseException) -> str | None:
    """Return an error as Python shows it, if that, or its arguments, has to be masked."""
    if not _HIDDEN.get():
        return None
    shown = "".join(format_exception(error))
    is_clean = hidden(shown) == shown and all(
        hidden(a) == a for a in map(str, error.args)
    )
    return None if is_clean else hidden(shown)


def is_private(name: str) -> bool:
    """Whether a name speaks of a password, secret or token."""
    return _ALWAYS_PRIVATE.search(name) is not None


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
                if key in (private_fields or ()) or is_private(str(key))
                else redact_log_data(value, private_fields)
            )
            for key, value in data.items()
        }
    if isinstance(data, (list, tuple)):
        return [redact_log_data(value, private_fields) for value in data]
    return data


def redact_text(text: str) -> str:
    """Mask what a text calls a password, secret or token, passwords in URLs, and what is hidden.

    JSON stays JSON, so that programs can read it.

    >>> redact_text('{"dbPassword": "hunter2", "n": 5} redis://:hunter2@host/0')
    '{"dbPassword": "***", "n": 5} redis://***@host/0'
    """
    masked = _SECRET_IN_TEXT.sub(_masked, hidden(text))
    return _PASSWORD_IN_URL.sub(f"{MASK}@", masked)


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
