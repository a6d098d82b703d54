"""Fetching the URLs that users hand to plugins.

Every fetch goes through :data:`REQUEST_SESSION`, so that what may be fetched, how long it
may take and what is remembered afterwards is decided in one place
(:class:`FetchSession`).  Besides ``http`` and ``https`` the session understands ``file``
and ``data`` URLs.

>>> with open_url("data:text/csv;charset=utf-8,ID%2Cname") as response:
...     print(response.text, "|", get_mimetype(response))
ID,name | text/csv;charset=utf-8
"""

import os
import re
from contextlib import AbstractContextManager, contextmanager, nullcontext
from http.cookiejar import DefaultCookiePolicy
from io import BufferedReader
from pathlib import PurePosixPath
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from time import monotonic
from typing import IO, Any, Iterator
from urllib.parse import urljoin, urlsplit

from flask import current_app, has_app_context
from requests import PreparedRequest, Response
from requests.exceptions import InvalidSchema, StreamConsumedError
from requests.utils import default_user_agent

from ..util.pieces import PieceReader
from ..util.redaction import display_url
from ..version import runner_version
from .connections import DEADLINE
from .file_names import raw_name, secured_name, typed_as
from .http_adapter import FetchAdapter, cut_body
from .local_urls import DataAdapter, FileAdapter, LocalFileResponse
from .outgoing import TokenSession
from .policy import current_policy

__all__ = [
    "REQUEST_SESSION",
    "FetchSession",
    "body_stream",
    "display_url",
    "get_mimetype",
    "open_url",
    "open_url_as_file_like",
    "open_url_as_file_like_simple",
    "retrieve_attribute_metadata_url",
    "retrieve_data_type",
    "retrieve_filename",
]

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection: time for three lost SYN packets (sent after 1, 3 and
7 s)."""

CHUNK_SIZE = 64 * 1024
"""Bytes read at once: enough to make the cost of a call small, little enough to hold
many."""

_READ_BY_US = "_read_by_runner"
"""Attribute of a response whose body was opened while it streams."""

SPOOL_SIZE = 1024 * 1024
"""Bytes of a fetched file that are kept in memory before it moves to a temporary file."""


_PRODUCT = f"qhana-plugin-runner/{runner_version()}"


class FetchSession(TokenSession):
    """A session for URLs that strangers supply: safe to share between threads.

    It keeps no cookies (they would pass from one user's task to another's), gives every
    request a time-out unless the caller names one, and lets no server redirect the runner
    to a file of its own host.  What may be fetched is told by
    :class:`~qhana_plugin_runner.requests.policy.FetchPolicy`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.headers["User-Agent"] = f"{_PRODUCT} {default_user_agent()}"
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.forget_connections()
        self.mount("file:", FileAdapter())
        self.mount("data:", DataAdapter())

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """Send a prepared request: the first one, and one more for each redirect.

        Without ``timeout`` the runner's default time-outs apply.
        """
        self.check_hop(request)
        policy = current_policy()
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (CONNECT_TIMEOUT, policy.silence)
        if policy.total is None or DEADLINE.get() is not None:
            return super().send(request, **kwargs)
        token = DEADLINE.set(monotonic() + policy.total)
        try:
            return super().send(request, **kwargs)
        finally:
            DEADLINE.reset(token)

    def check_hop(self, request: PreparedRequest) -> None:
        """Refuse a request before anything is sent.

        Each request passes here, the ones that follow a redirect included, so this is the
        place for any policy about what may be fetched.

        Raises:
            requests.exceptions.InvalidSchema: nothing here speaks the scheme of the URL.
        """
        url = request.url or ""
        if not url.lower().startswith(("http://", "https://", "file:", "data:")):
            raise InvalidSchema(
                f"Cannot fetch {display_url(url)!r}: use a http, https, file or data URL."
            )

    def get_redirect_target(self, resp: Response) -> str | None:
        """Tell where a response redirects to, if it does; its body is cut off.

        Raises:
            requests.exceptions.InvalidSchema: the target is neither a http nor a https
                URL.
        """
        target = super().get_redirect_target(resp)
        if target is not None:
            scheme = urlsplit(urljoin(resp.url, target)).scheme
            if scheme not in ("http", "https"):
                resp.close()
                raise InvalidSchema(
                    f"{display_url(resp.url)!r} redirects to a {scheme!r} URL; only "
                    "redirects to http and https are followed.",
                    response=resp,
                )
            cut_body(resp)
        return target

    def forget_connections(self) -> None:
        """Start with empty connection pools, without touching those in use."""
        self.mount("https://", FetchAdapter())
        self.mount("http://", FetchAdapter())


REQUEST_SESSION = FetchSession()
"""The session with which the runner and its plugins fetch everything."""

# a forked worker shares the sockets of its parent: answers would reach the wrong process
os.register_at_fork(after_in_child=REQUEST_SESSION.forget_connections)


def rewrite_url(url: str) -> str:
    """Apply the ``URL_REWRITE_RULES`` of the current app, if there is one, in order."""
    rules = current_app.config.get("URL_REWRITE_RULES") if has_app_context() else None
    pairs = rules.items() if isinstance(rules, dict) else rules or ()
    for pattern, replacement in pairs:
        url = re.sub(pattern, replacement, url)
    return url


def open_url(url: str, raise_on_error_status: bool = True, **kwargs: Any) -> Response:
    """Fetch a URL that a user supplied.

    Use the response as a context manager, so that its connection is given back:

    >>> with open_url("data:,some%20text", stream=True) as response:
    ...     response.content
    b'some text'

    Args:
        url: a http, https, file (in ``FILE_URL_FOLDERS``) or data URL.  Inside an app context the
            config value ``URL_REWRITE_RULES`` (pairs of a regular expression and its
            replacement, or a mapping) is applied to it first.
        raise_on_error_status: raise for a status of 400 or more.
        **kwargs: what :meth:`requests.Session.get` takes, e.g. ``stream=True`` to read
            the body bit by bit, or ``timeout`` (seconds; a number or a pair of connect
            and read).

    Raises:
        requests.exceptions.HTTPError: the answer has an error status; a missing file has
            404.
        requests.exceptions.ContentDecodingError: a compressed body is cut off; with
            ``stream=True`` where its end is read.  Or it exceeds a limit.
        FetchRefused: the settings forbid to fetch this URL.
        requests.exceptions.RequestException: there is no answer, or the URL makes no
            sense.
    """
    response = REQUEST_SESSION.get(rewrite_url(url), **kwargs)
    if raise_on_error_status and not response.ok:
        response.close()
        response.raise_for_status()
    return response


def body_stream(response: Response) -> BufferedReader:
    """Read the body of a response as a binary file, decompressed.

    The body is fetched while it is read when the response was opened with
    ``stream=True``, and can be read once then.  Closing the file leaves the response open.

    >>> with open_url("data:,one%0Atwo", stream=True) as response:
    ...     list(body_stream(response))
    [b'one\\n', b'two']

    Raises:
        requests.exceptions.StreamConsumedError: it was read already, if only in part.
    """
    if getattr(response, "_content", None) is False:
        # requests notices it only when the first reader came to the end
        if _READ_BY_US in vars(response) or vars(response).get("_content_consumed"):
            raise StreamConsumedError(
                f"The body of {display_url(response.url)!r} is read already, and was"
                " not kept: open the URL again, or open it without stream=True.",
                response=response,
            )
        setattr(response, _READ_BY_US, True)
    has_stream = response.raw is not None
    pieces = (
        response.iter_content(CHUNK_SIZE) if has_stream else [response.content or b""]
    )
    return BufferedReader(PieceReader(pieces), CHUNK_SIZE)


@contextmanager
def open_url_as_file_like(
    url: str, raise_on_error_status: bool = True, stream: bool = False, **kwargs: Any
) -> Iterator[tuple[str, IO[bytes], str | None]]:
    """Fetch a URL and offer its body as a binary file for the length of a ``with`` block.

    >>> with open_url_as_file_like("data:text/csv,ID") as (name, file, content_type):
    ...     print(name, file.read(), content_type)
    data b'ID' text/csv

    Args:
        url: as for :func:`open_url`.
        raise_on_error_status: raise for a status of 400 or more.
        stream: fetch while the file is read; such a file can only be read forward.
            Otherwise the body is fetched first, large ones into a temporary file, and can
            be sought in.  The file behind a ``file`` URL is opened as it is and always
            seekable.
        **kwargs: what :meth:`requests.Session.get` takes.

    Yields:
        the file name, the open file and the content type (``None`` when nothing is
        known).  The name is the path for a ``file`` URL, and otherwise a
        name that is safe to use in a folder.

    Raises:
        requests.exceptions.RequestException: as for :func:`open_url`.
    """
    with open_url(url, raise_on_error_status, stream=True, **kwargs) as response:
        content_type = get_mimetype(response)
        if isinstance(response, LocalFileResponse):
            with open(response.path, "rb") as local_file:
                yield response.path, local_file, content_type
            return
        name = secured_name(raw_name(response) or "download")
        if stream:
            with body_stream(response) as body:
                yield name, body, content_type
            return
        with SpooledTemporaryFile(max_size=SPOOL_SIZE) as spooled:
            with body_stream(response) as body:
                copyfileobj(body, spooled, CHUNK_SIZE)
            spooled.seek(0)
            yield name, spooled, content_type


@contextmanager
def open_url_as_file_like_simple(
    url: str, raise_on_error_status: bool = True, stream: bool = False, **kwargs: Any
) -> Iterator[IO[bytes]]:
    """Fetch a URL and offer its body as a binary file; see :func:`open_url_as_file_like`.

    >>> with open_url_as_file_like_simple("data:;base64,+/8=") as file:
    ...     file.read()
    b'\\xfb\\xff'

    Args:
        url: as for :func:`open_url`.
        raise_on_error_status: raise for a status of 400 or more.
        stream: fetch while the file is read.
        **kwargs: what :meth:`requests.Session.get` takes.

    Raises:
        requests.exceptions.RequestException: as for :func:`open_url`.
    """
    with open_url_as_file_like(url, raise_on_error_status, stream, **kwargs) as opened:
        yield opened[1]


def _as_response(url_or_response: str | Response) -> AbstractContextManager[Response]:
    """Open a URL to look at its headers; a response is used as it is and stays open."""
    if isinstance(url_or_response, str):
        return open_url(url_or_response, stream=True)
    return nullcontext(url_or_response)


def get_mimetype(response: Response, default: str | None = None) -> str | None:
    """Tell the mime type of a response.

    >>> with open_url("data:text/csv;charset=utf-8,ID") as response:
    ...     get_mimetype(response, default="application/octet-stream")
    'text/csv;charset=utf-8'

    Args:
        response: any response.
        default: what to answer when nothing is known.

    Returns:
        the ``Content-Type`` header with its parameters, as it is; without one a guess from the
        ending of the file's name; else ``default``.
    """
    return response.headers.get("Content-Type") or typed_as(response, None) or default


def retrieve_filename(url_or_response: str | Response) -> str:
    """Tell the name of a file, without its ending.

    >>> with open_url("data:,x") as response:
    ...     retrieve_filename(response)
    'data'

    Args:
        url_or_response: a URL, which is opened and closed again, or a response, which is
            neither read nor closed.

    Returns:
        the name in the ``Content-Disposition`` header, else the last part of the URL's
        path; an empty string when the path is empty, and ``data`` for a data URL.

    Raises:
        requests.exceptions.RequestException: the URL cannot be opened.
    """
    with _as_response(url_or_response) as response:
        return PurePosixPath(raw_name(response)).stem


def retrieve_data_type(url_or_response: str | Response) -> str | None:
    """Tell the data type of a file, e.g. ``entity/list``.

    >>> retrieve_data_type("data:,no%20header") is None
    True

    Args:
        url_or_response: a URL, which is opened and closed again, or a response.

    Returns:
        the ``X-Data-Type`` header, or ``None`` when there is none.

    Raises:
        requests.exceptions.RequestException: the URL cannot be opened.
    """
    with _as_response(url_or_response) as response:
        return response.headers.get("X-Data-Type")


def retrieve_attribute_metadata_url(url_or_response: str | Response) -> str | None:
    """Tell where the attributes of an entity file are described.

    Args:
        url_or_response: a URL, which is opened and closed again, or a response.

    Returns:
        the ``X-Attribute-Metadata`` header, or ``None`` when there is none.

    Raises:
        requests.exceptions.RequestException: the URL cannot be opened.
    """
    with _as_response(url_or_response) as response:
        return response.headers.get("X-Attribute-Metadata")
