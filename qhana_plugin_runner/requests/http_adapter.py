"""HTTP adapter that judges addresses, and detects truncated bodies and those that grow too large."""

import socket
import zlib
from typing import Any, Generator

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3 import BaseHTTPResponse, HTTPResponse
from urllib3.exceptions import DecodeError, HTTPError

from ..util.redaction import display_url
from .connections import POOLS
from .policy import FetchRefused, Refusal, current_policy

STEP = 1024 * 1024
"""Bytes that are decompressed at once when a reader wants all."""

REDIRECT_BODY = 64 * 1024
"""Bytes of a redirect's body that are kept: it says no more than the header."""

OTHER_MEMBERS, SWALLOW = 1, 2
"""States of urllib3's gzip decoder behind the end of the first member: more bytes have come, which
it takes for a further member; and those are not gzip."""


class WholeResponse(HTTPResponse):
    """A response that raises an error when its compressed body is truncated or a bomb.

    urllib3 checks the length of a body where one is told, but not whether the decoder has
    come to the end of its stream: what a connection that is cut leaves of a gzip body reads
    like a shorter file.
    """

    _encoded = 0
    _decoded = 0

    def _decode(
        self,
        data: bytes,
        decode_content: bool | None,
        flush_decoder: bool,
        max_length: int | None = None,
    ) -> bytes:
        """Decompress in steps, and check the size after each of them."""
        if not decode_content or not self._decoder:
            return super()._decode(data, decode_content, flush_decoder, max_length)
        policy = current_policy()
        self._encoded += len(data)
        is_bounded = max_length is not None and max_length >= 0 and not flush_decoder
        pieces = []
        while True:
            length = max_length if is_bounded else STEP
            pieces.append(super()._decode(data, True, False, length))
            self._decoded += len(pieces[-1])
            policy.check_size(self._encoded, self._decoded)
            data = b""
            if is_bounded or not pieces[-1] or not self._decoder.has_unconsumed_tail:
                break
        if flush_decoder:
            pieces.append(super()._decode(b"", True, True))
        return b"".join(pieces)

    def read(
        self,
        amt: int | None = None,
        decode_content: bool | None = None,
        cache_content: bool = False,
    ) -> bytes:
        data = super().read(amt, decode_content, cache_content)
        if amt is None or amt < 0 or len(data) < amt:
            self._check_end()
        return data

    def read1(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        data = super().read1(amt, decode_content)
        if not data and amt != 0:
            self._check_end()
        return data

    def stream(
        self, amt: int | None = 2**16, decode_content: bool | None = None
    ) -> Generator[bytes, None, None]:
        yield from super().stream(amt, decode_content)
        self._check_end()

    def read_chunked(
        self, amt: int | None = None, decode_content: bool | None = None
    ) -> Generator[bytes, None, None]:
        yield from super().read_chunked(amt, decode_content)
        self._check_end()

    def _check_end(self) -> None:
        """Raise an error if the body ended before its compressed stream.

        Raises:
            urllib3.exceptions.DecodeError: it is cut off; the ways of reading of requests
                make a :class:`requests.exceptions.ContentDecodingError` of it.
        """
        # an empty body was never compressed, whatever its header says
        if self._decoder and self._has_decoded_content and not _has_ended(self._decoder):
            encoding = self.headers.get("Content-Encoding", "")
            raise DecodeError(
                f"The body is cut off: its {encoding} data has no end. Fetch it again; if it"
                " stays so, the server has only a part of it."
            )


def _has_ended(decoder: Any) -> bool:
    """Return whether a decoder of urllib3 has reached the end of its stream.

    urllib3 has no public way to ask.
    """
    if hasattr(decoder, "_decoders"):
        return all(map(_has_ended, decoder._decoders))
    state = getattr(decoder, "_state", None)
    if state == SWALLOW:
        return True
    stream = decoder._obj
    if hasattr(stream, "is_finished"):  # Brotli
        return bool(stream.is_finished())
    return bool(stream.eof) or (state == OTHER_MEMBERS and _is_no_gzip(stream))


def _is_no_gzip(stream: Any) -> bool:
    """Tell whether a decompressor of zlib has one byte only, which starts no gzip member.

    It refuses a wrong start when it has two bytes. The second one is made up here: behind the
    first byte of a member it is right, and later on the error is another one.
    """
    try:
        stream.copy().decompress(b"\x8b")
    except zlib.error as error:
        return "incorrect header check" in str(error)
    return False


def whole(response: BaseHTTPResponse) -> BaseHTTPResponse:
    """Make a response of urllib3 check its end, in whatever way it is read."""
    if type(response) is HTTPResponse:
        response.__class__ = WholeResponse
    return response


def cut_body(response: Response) -> None:
    """Read a little of the body of a redirect, of which requests would read all."""
    if getattr(response, "_content", None) is False:
        try:
            body = response.raw.read(REDIRECT_BODY, decode_content=True)
        except (HTTPError, OSError):
            body = b""
        response.raw.close()  # a connection that is not read to its end cannot be used again
        vars(response).update(_content=body, _content_consumed=True)


class FetchAdapter(HTTPAdapter):
    """Sends requests over HTTP; place for policies that apply to every response."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools; their connections judge the addresses."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make the pools of a proxy; their connections lead to it."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = POOLS
        return manager

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send a request, also the one that follows a redirect.

        Raises:
            FetchRefused: the settings forbid to connect to what the URL names, or the answer
                breaks a limit before its body begins.
        """
        try:
            if select_proxy(request.url or "", kwargs.get("proxies")):
                self._judge_name(request)
            return super().send(request, *args, **kwargs)
        except Refusal as refusal:
            shown = display_url(request.url or "")
            raise FetchRefused(f"{shown!r}: {refusal}", request=request) from None

    def _judge_name(self, request: PreparedRequest) -> None:
        """Judge the addresses behind a name before a proxy, which resolves it, is asked.

        Raises:
            Refusal: not all of them are allowed.
        """
        parts, _tls = self.build_connection_pool_key_attributes(request, True)
        port = parts["port"] or {"https": 443}.get(parts["scheme"], 80)
        try:
            current_policy().addresses(parts["host"] or "", port, is_any_used=True)
        except socket.gaierror:
            return  # only the proxy knows it

    def build_response(self, req: PreparedRequest, resp: BaseHTTPResponse) -> Response:
        """Make a response of requests from one of urllib3."""
        return super().build_response(req, whole(resp))
