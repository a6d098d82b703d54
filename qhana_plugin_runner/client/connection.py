"""Requests to a runner: the token for it alone, reads that outlive a lost connection."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from math import inf
from typing import IO, Any, TypeVar
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import NewConnectionError

from .errors import ClientError, Refused, Unreachable, causes
from .multipart import Multipart

_Result = TypeVar("_Result")

PAUSES = (0.25, 0.5, 1, 2, 4, 8)
"""Seconds before a read is tried again; together long enough for a runner to start anew."""

_LOST = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
_UNAVAILABLE = (502, 503, 504)

_NOT_CONNECTED = (
    requests.ConnectTimeout,
    requests.exceptions.ProxyError,
    NewConnectionError,
    ssl.SSLCertVerificationError,
)
"""Causes for which nothing was sent."""

GRACE = 1
"""Seconds that an answer may come late when a read has to end."""

MOST_REDIRECTS = 10

_CHUNK = 2**18

Body = list[tuple[str, str]] | Multipart


class Overdue(Exception):
    """A read has failed until the time for it was over; the cause tells how."""


class Connection:
    """Sends requests, and turns what goes wrong into errors of the client.

    Args:
        url: The URL of the runner.
        token: An access token.
        timeout: How long the runner may be silent, in seconds.
    """

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(
                f"{url!r} is not the URL of a runner: http://... or https://..."
            )
        self.url = url.rstrip("/") + "/"
        self.timeout = timeout
        self._session = _Session(_Token(self.url, token)) if token else requests.Session()
        self._was_reached = False

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        wait: float = 0,
        end: float | None = None,
    ) -> requests.Response:
        """Read a resource; try again when the connection is lost.

        Args:
            url: Absolute, or relative to the runner.
            headers: Further headers.
            wait: How long the runner may hold back the answer, in seconds.
            end: The time, of ``time.monotonic``, when nothing is tried again.

        Raises:
            Overdue: The connection was lost, and is not back at that time.
        """

        def read() -> requests.Response:
            timeout = self.timeout + wait
            if end is not None:
                timeout = min(timeout, max(end - time.monotonic(), 0) + GRACE)
            return self._send("GET", url, headers=headers, timeout=timeout)

        return self._retried(read, end)

    def download(self, url: str, target: IO[bytes]) -> None:
        """Write the content of a resource to a file that is empty."""

        def read() -> None:
            target.seek(0)
            target.truncate()
            with self._send("GET", url, stream=True) as response:
                for chunk in response.iter_content(_CHUNK):
                    target.write(chunk)

        self._retried(read)

    def post(
        self, url: str, data: Body | None = None, json: Any = None
    ) -> requests.Response:
        """Send something, once; where it leads is read like any resource.

        Args:
            url: Absolute, or relative to the runner.
            data: The form.
            json: An object to send instead of a form.
        """
        headers = {}
        if isinstance(data, Multipart):
            headers["Content-Type"] = data.content_type
        body = {"data": data, "json": json, "headers": headers}
        for _redirect in range(MOST_REDIRECTS):
            try:
                response = self._send("POST", url, allow_redirects=False, **body)
            except _LOST as error:
                is_sent = not any(
                    isinstance(each, _NOT_CONNECTED) for each in causes(error)
                )
                unsure = "; it may have received the request" if is_sent else ""
                raise Unreachable(self.url, error, unsure) from error
            if not response.is_redirect:
                return response
            url = urljoin(response.url, response.headers["Location"])
            if response.status_code not in (301, 307, 308):
                try:
                    return self.get(url)
                except Unreachable as error:
                    sure = f"; it has received the request: {url}"
                    raise Unreachable(self.url, error, sure) from error
        raise ClientError(f"{url} redirects in circles")

    def _retried(self, read: Callable[[], _Result], end: float | None = None) -> _Result:
        pauses = iter(PAUSES)
        while True:
            try:
                return read()
            except _LOST as error:
                lost: ClientError = Unreachable(self.url, error)
                lost.__cause__ = error
                is_final = not self._was_reached
            except Refused as error:
                lost = error
                is_final = error.status not in _UNAVAILABLE
            pause = next(pauses, None)
            left = inf if end is None else max(end - time.monotonic(), 0)
            if is_final or (pause is None and left):
                raise lost
            if pause is None or left <= pause:
                time.sleep(left)
                raise Overdue from lost
            time.sleep(pause)

    def _send(self, method: str, url: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", self.timeout)
        try:
            response = self._session.request(method, urljoin(self.url, url), **options)
        except _LOST:
            raise
        except requests.RequestException as error:
            raise ClientError(f"{method} {url}: {error}") from error
        self._was_reached = True
        if response.status_code >= 400:
            raise Refused.from_response(response)
        return response


class _Session(requests.Session):
    """Decides about the token anew at each redirect, and for more than the host."""

    def __init__(self, token: _Token) -> None:
        super().__init__()
        self.auth = self._token = token

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Give a redirected request the token if it goes to the runner."""
        prepared_request.headers.pop("Authorization", None)
        self._token(prepared_request)


class _Token(AuthBase):
    """Adds the token to requests to the runner, and to no others."""

    def __init__(self, url: str, token: str) -> None:
        self._runner = urlsplit(url)
        self._header = f"Bearer {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts, runner = urlsplit(request.url or ""), self._runner
        # A runner may lead from its plain address to its secure one.
        origins = {_origin(runner), _origin(runner._replace(scheme="https"))}
        is_below = parts.path.startswith(runner.path) and not _leads_up(parts.path)
        if is_below and _origin(parts) in origins:
            request.headers["Authorization"] = self._header
        return request


def _leads_up(path: str) -> bool:
    """Tell whether something on the way may take a path for one of another folder."""
    return ".." in unquote(path).replace("\\", "/").split("/")


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default
