"""Habits of Werkzeug 2."""

import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import markupsafe
import werkzeug.datastructures
import werkzeug.urls
import werkzeug.utils
import werkzeug.wrappers
from werkzeug.datastructures import MultiDict, iter_multi_items
from werkzeug.sansio.request import Request as SansIORequest
from werkzeug.sansio.response import Response as SansIOResponse

from .habits import Met, Patches, habit

_OLD = "Werkzeug 2"


class _URL(urllib.parse.SplitResult):
    """A parsed URL, with those methods of Werkzeug's own type that ``urllib`` names otherwise."""

    @property
    def host(self) -> str | None:
        return self.hostname

    def replace(self, **parts: str) -> "_URL":
        return self._replace(**parts)

    def to_url(self) -> str:
        return self.geturl()

    def decode_query(self) -> Any:
        return _url_decode(self.query)


# Werkzeug left the sub-delimiters of RFC 3986 as they are, urllib.parse quotes them.
_ALWAYS_SAFE = "!$'()*+,;"


def _text(value: Any, charset: str = "utf-8") -> str:
    return value.decode(charset) if isinstance(value, bytes) else str(value)


def _url_parse(url: str, scheme: str | None = None, allow_fragments: bool = True) -> _URL:
    return _URL(*urllib.parse.urlsplit(url, scheme or "", allow_fragments))


def _url_quote(
    string: Any,
    charset: str = "utf-8",
    errors: str = "strict",
    safe: str | bytes = "/:",
    unsafe: str | bytes = "",
) -> str:
    allowed = "".join(c for c in _ALWAYS_SAFE + _text(safe) if c not in _text(unsafe))
    return urllib.parse.quote(_text(string, charset), allowed, charset, errors)


def _url_quote_plus(
    string: Any, charset: str = "utf-8", errors: str = "strict", safe: str = ""
) -> str:
    # quote_plus() adds the space to these characters and turns it into a plus sign.
    allowed = _ALWAYS_SAFE.replace("+", "") + safe
    return urllib.parse.quote_plus(_text(string, charset), allowed, charset, errors)


def _url_unquote(s: Any, charset: str = "utf-8", errors: str = "replace") -> str:
    return urllib.parse.unquote(_text(s), charset, errors)


def _url_unquote_plus(s: Any, charset: str = "utf-8", errors: str = "replace") -> str:
    return urllib.parse.unquote_plus(_text(s), charset, errors)


def _url_encode(
    obj: Mapping[str, Any] | Iterable[tuple[str, Any]],
    charset: str = "utf-8",
    sort: bool = False,
    key: Callable[[tuple[str, Any]], Any] | None = None,
    separator: str = "&",
) -> str:
    items: Any = obj
    pairs = iter_multi_items(items)
    return separator.join(
        f"{_url_quote_plus(name, charset)}={_url_quote_plus(value, charset)}"
        for name, value in (sorted(pairs, key=key) if sort else pairs)
        if value is not None
    )


def _url_decode(
    s: Any,
    charset: str = "utf-8",
    include_empty: bool = True,
    errors: str = "replace",
    separator: str = "&",
    cls: Callable[..., Any] = MultiDict,
) -> Any:
    # Empty is a name without "=": urllib.parse.parse_qsl() drops names without a value instead.
    pairs = (part.partition("=") for part in _text(s).split(separator) if part)
    return cls(
        [
            (
                _url_unquote_plus(name, charset, errors),
                _url_unquote_plus(value, charset, errors),
            )
            for name, equals, value in pairs
            if equals or include_empty
        ]
    )


def _url_fix(s: str, charset: str = "utf-8") -> str:
    return werkzeug.urls.iri_to_uri(s.strip().replace("\\", "/").replace(" ", "%20"))


@habit(
    "werkzeug-urls",
    _OLD,
    "a function of werkzeug.urls that Werkzeug dropped",
    "use urllib.parse (quote, unquote, urlencode, parse_qsl, urljoin, urlsplit)",
)
def _werkzeug_urls(patches: Patches, met: Met) -> None:
    names = {
        "url_decode": _url_decode,
        "url_encode": _url_encode,
        "url_fix": _url_fix,
        "url_join": urllib.parse.urljoin,
        "url_parse": _url_parse,
        "url_quote": _url_quote,
        "url_quote_plus": _url_quote_plus,
        "url_unparse": urllib.parse.urlunsplit,
        "url_unquote": _url_unquote,
        "url_unquote_plus": _url_unquote_plus,
    }
    patches.names(werkzeug.urls, names, met)


@habit(
    "werkzeug-names",
    _OLD,
    "a class or function that Werkzeug dropped",
    "use Request, Response and MultiDict of Werkzeug and escape of markupsafe",
)
def _werkzeug_names(patches: Patches, met: Met) -> None:
    bases = {
        "BaseRequest": werkzeug.wrappers.Request,
        "BaseResponse": werkzeug.wrappers.Response,
    }
    patches.names(werkzeug.wrappers, bases, met)
    patches.names(werkzeug.utils, {"escape": markupsafe.escape}, met)
    patches.names(werkzeug.datastructures, {"OrderedMultiDict": MultiDict}, met)


class _Charset:
    """Says ``utf-8``; has no ``__set__`` so that a subclass or instance may say otherwise."""

    def __init__(self, met: Met) -> None:
        self.met = met

    def __get__(self, instance: Any, owner: Any) -> str:
        if instance is not None:
            self.met(f"{owner.__name__}.charset")
        return "utf-8"


@habit(
    "werkzeug-charset",
    _OLD,
    "the charset of a request or response",
    'write "utf-8"',
)
def _werkzeug_charset(patches: Patches, met: Met) -> None:
    patches.attribute(SansIORequest, "charset", _Charset(met))
    patches.attribute(SansIOResponse, "charset", _Charset(met))
