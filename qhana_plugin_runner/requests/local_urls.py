"""Adapters for ``file`` and ``data`` URLs, which requests does not support."""

import binascii
import os
import stat
from base64 import b64decode
from http import HTTPStatus
from io import BufferedReader, BytesIO, FileIO, RawIOBase
from typing import Any, Iterator, Mapping, cast
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import InvalidURL
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from qhana_plugin_runner.util.content_types import guess_type
from qhana_plugin_runner.util.redaction import display_url

from .policy import FetchRefused, Refusal, current_policy

CHUNK = 64 * 1024
"""Bytes read from a file at once."""

DATA_URL_MIMETYPE = "text/plain;charset=US-ASCII"
"""What a data URL without a media type holds (RFC 2397, section 2)."""


_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")


class LocalBody(BufferedReader):
    """The body of a local answer: a file that can be sought in, with a name if it has one.

    It can also be read as plugins read the bodies of urllib3.
    """

    decode_content = False
    """For those who set it: nothing is encoded."""

    def __init__(self, raw: RawIOBase | BytesIO) -> None:
        super().__init__(cast(RawIOBase, raw), CHUNK)

    def read(self, amt: int | None = -1, *_args: Any, **_kwargs: Any) -> bytes:
        """Read some bytes, or all; other arguments of urllib3 have no meaning here."""
        return super().read(amt)

    def stream(
        self, amt: int | None = CHUNK, *_args: Any, **_kwargs: Any
    ) -> Iterator[bytes]:
        """Iterate over the bytes from the current position on."""
        while piece := self.read(amt):
            yield piece

    def release_conn(self) -> None:
        """Close the file: requests calls this in the end, whether all was read or not."""
        self.close()


class _NamedBytes(BytesIO):
    """The content of a file."""

    name: str


class LocalFileResponse(Response):
    """The answer to a ``file`` URL.

    Attributes:
        path: the file's absolute path.
    """

    path: str


class LocalAdapter(BaseAdapter):
    """The base class of adapters without a network."""

    def close(self) -> None:
        """Nothing is kept open between requests."""

    def send(  # type: ignore[override]
        self, request: PreparedRequest, stream: bool = False, **kwargs: Any
    ) -> Response:
        """Answer ``GET`` and ``HEAD``, anything else with 405."""
        if request.method in ("GET", "HEAD"):
            return self.get(request, stream)
        reason = f"{request.method} is not possible here, only GET and HEAD are."
        return self.fail(request, HTTPStatus.METHOD_NOT_ALLOWED, reason)

    def get(self, request: PreparedRequest, stream: bool) -> Response:
        """Answer ``GET``, and ``HEAD`` without a body."""
        raise NotImplementedError

    def fill(
        self,
        response: Response,
        request: PreparedRequest,
        status: HTTPStatus,
        headers: Mapping[str, str],
        body: "LocalBody",
    ) -> Response:
        """Make ``response`` look as if it had come from a server."""
        response.status_code = status.value
        response.reason = status.phrase
        response.headers = CaseInsensitiveDict(headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.url = request.url or ""
        response.request = request
        response.raw = body
        return response

    def fail(self, request: PreparedRequest, status: HTTPStatus, reason: str) -> Response:
        """Answer with an error status and a line of text that says why."""
        return self.answer(request, status, "text/plain;charset=UTF-8", reason.encode())

    def answer(
        self, request: PreparedRequest, status: HTTPStatus, mimetype: str, body: bytes
    ) -> Response:
        """Answer with bytes."""
        headers = {"Content-Type": mimetype, "Content-Length": str(len(body))}
        content = LocalBody(BytesIO(b"" if request.method == "HEAD" else body))
        return self.fill(Response(), request, status, headers, content)


class FileAdapter(LocalAdapter):
    """Answers ``file`` URLs (RFC 8089) with regular files of this host."""

    def get(self, request: PreparedRequest, stream: bool) -> Response:
        """Open the file; with ``stream`` the body is read from disk as the response is read.

        Raises:
            requests.exceptions.InvalidURL: the URL names another host or no absolute
                path.
            FetchRefused: the path leads out of the folders that may be fetched from.
        """
        path = self._path(request.url or "")
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                reason = f"{path!r} is a folder or a device, not a regular file."
                return self.fail(request, HTTPStatus.FORBIDDEN, reason)
            file = FileIO(path)
        except PermissionError:
            reason = f"{path!r} may not be read by the user that the runner works as."
            return self.fail(request, HTTPStatus.FORBIDDEN, reason)
        except OSError as error:
            reason = f"{path!r} cannot be opened: {error.strerror}."
            return self.fail(request, HTTPStatus.NOT_FOUND, reason)
        status = os.fstat(file.fileno())
        headers = {"Content-Length": str(status.st_size)}
        mimetype = guess_type(path)
        if mimetype is not None:
            headers["Content-Type"] = mimetype
        body: RawIOBase | BytesIO = file
        if request.method == "HEAD" or not stream:
            # requests reads all of it now, and closes nothing
            with file:
                body = _NamedBytes(b"" if request.method == "HEAD" else file.readall())
                body.name = path
        response = LocalFileResponse()
        response.path = path
        return self.fill(response, request, HTTPStatus.OK, headers, LocalBody(body))

    @staticmethod
    def _path(url: str) -> str:
        parts = urlsplit(url)
        if parts.netloc.lower() not in ("", "localhost"):
            raise InvalidURL(
                f"{display_url(url)!r} names the host {parts.netloc!r}: a file URL"
                " reaches only files of the runner's own host (file:///path)."
            )
        path = os.fsdecode(unquote_to_bytes(parts.path))
        if not path.startswith("/") or "\0" in path:
            raise InvalidURL(
                f"{display_url(url)!r} holds no absolute path; write file:///path."
            )
        if not current_policy().has_file(path):
            raise FetchRefused(
                f"{display_url(url)!r} may not be fetched: file URLs reach only the runner's own "
                "file store and the folders in the setting FILE_URL_FOLDERS."
            )
        return path


class DataAdapter(LocalAdapter):
    """Answers ``data`` URLs (RFC 2397), which hold their content in themselves."""

    def get(self, request: PreparedRequest, stream: bool) -> Response:
        """Decode the URL.

        Raises:
            requests.exceptions.InvalidURL: there is no comma, or what should be base64 is
                not.
            FetchRefused: the content is larger than the settings allow.
        """
        url = request.url or ""
        head, comma, payload = url.partition(":")[2].partition(",")
        if not comma:
            raise InvalidURL(
                f"{display_url(url)!r} lacks the comma between media type and data; "
                "write data:text/plain,content."
            )
        mimetype, separator, encoding = unquote(head).rpartition(";")
        content = unquote_to_bytes(payload)
        if separator and encoding.strip().lower() == "base64":
            content = self._decode_base64(content, url)
        else:
            mimetype = unquote(head)
        try:
            current_policy().check_bytes(len(content))
        except Refusal as refusal:
            raise FetchRefused(f"{display_url(url)!r}: {refusal}") from None
        if not mimetype:
            mimetype = DATA_URL_MIMETYPE
        elif mimetype.startswith(";"):
            mimetype = "text/plain" + mimetype
        return self.answer(request, HTTPStatus.OK, mimetype, content)

    @staticmethod
    def _decode_base64(content: bytes, url: str) -> bytes:
        # line breaks and missing padding are common in hand-made URLs and lose nothing
        content = b"".join(content.split()).rstrip(b"=")
        # RFC 4648: one alphabet is for URLs (section 5), the other is what most write
        content = content.translate(_FROM_URL_SAFE)
        try:
            return b64decode(content + b"=" * (-len(content) % 4), validate=True)
        except binascii.Error as error:
            raise InvalidURL(
                f"{display_url(url)!r} does not hold base64 data: {error}."
            ) from error
