"""Requests to a runner: the token for it alone, reads that outlive a lost connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import IO, Any, TypeVar
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.auth import AuthBase

from .errors import ClientError, Refused, Unreachable
from .multipart import Multipart

__all__ = ["Connection"]

_Result = TypeVar("_Result")

PAUSES = (0.25, 0.5, 1, 2, 4, 8)
"""Seconds before a read is tried again; together long enough for a runner to start anew."""

_LOST = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
_UNAVAILABLE = (502, 503, 504)

MOST_REDIRECTS = 10

_CHUNK = 2**18

Body = list[tuple[str, str]] | Multipart


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
        self._session = requests.Session()
        if token:
            self._session.auth = _Token(self.url, token)
        self._was_reached = False

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def get(
        self, url: str, headers: Mapping[str, str] | None = None, wait: float = 0
    ) -> requests.Response:
        """Read a resource; try again when the connection is lost.

        Args:
            url: Absolute, or relative to the runner.
            headers: Further headers.
            wait: How long the runner may hold back the answer, in seconds.
        """
        return self._retried(
            lambda: self._send("GET", url, headers=headers, timeout=self.timeout + wait)
        )

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
                unsure = "; it may have received the request" if self._was_reached else ""
                raise Unreachable(self.url, error, unsure) from error
            if not response.is_redirect:
                return response
            url = urljoin(response.url, response.headers["Location"])
            if response.status_code not in (301, 307, 308):
                return self.get(url)
        raise ClientError(f"{url} redirects in circles")

    def _retried(self, read: Callable[[], _Result]) -> _Result:
        for pause in PAUSES:
            try:
                return read()
            except _LOST as error:
                if not self._was_reached:
                    raise Unreachable(self.url, error) from error
            except Refused as error:
                if error.status not in _UNAVAILABLE:
                    raise
            time.sleep(pause)
        try:
            return read()
        except _LOST as error:
            raise Unreachable(self.url, error) from error

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


class _Token(AuthBase):
    """Adds the token to requests to the runner, and to no others."""

    def __init__(self, url: str, token: str) -> None:
        self._runner = urlsplit(url)
        self._header = f"Bearer {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts, runner = urlsplit(request.url or ""), self._runner
        # A runner may lead from its plain address to its secure one.
        origins = {_origin(runner), _origin(runner._replace(scheme="https"))}
        if _origin(parts) in origins and parts.path.startswith(runner.path):
            request.headers["Authorization"] = self._header
        return request


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default
