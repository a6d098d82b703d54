"""A client that costs little beside the server that it asks."""

import json
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

CLIENTS = 2
"""As many requests wait for a single worker that it is never idle."""

SECONDS, QUICK_SECONDS = 0.4, 0.02
TIMEOUT = 120
PIECE = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What a server has answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Parse the body."""
        return json.loads(self.body)


def raw_request(
    url: str,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> bytes:
    """Write a request as it goes over the wire; with a form it is a POST."""
    parts = urlsplit(url)
    body = urlencode(form).encode() if form is not None else b""
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{'GET' if form is None else 'POST'} {target} HTTP/1.1"]
    lines += [f"Host: {parts.netloc}", "Connection: close"]
    if form is not None:
        lines += ["Content-Type: application/x-www-form-urlencoded"]
        lines += [f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), TIMEOUT)


def fetch(
    url: str,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> Answer:
    """Ask once."""
    with _connect(url) as connection:
        connection.sendall(raw_request(url, headers, form))
        whole = b"".join(iter(lambda: connection.recv(PIECE), b""))
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    names = (line.partition(":") for line in lines)
    found = {name.strip().title(): value.strip() for name, _, value in names}
    if found.get("Transfer-Encoding") == "chunked":
        body = _joined(body)
    return Answer(int(first.split()[1]), found, body)


def _joined(chunks: bytes) -> bytes:
    pieces = []
    while chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        count = int(size, 16)
        pieces.append(chunks[:count])
        chunks = chunks[count + 2 :]
    return b"".join(pieces)


def read_all(url: str, request: bytes, expected: bytes) -> int:
    """Ask once, read the answer without keeping it, and return the number of bytes.

    Raises:
        AssertionError: the status is not the expected one
    """
    buffer = bytearray(PIECE)
    total = 0
    with _connect(url) as connection:
        connection.sendall(request)
        while count := connection.recv_into(buffer):
            if total == 0 and buffer[9:12] != expected:
                raise AssertionError(f"{url}: {bytes(buffer[:count]).decode()}")
            total += count
    return total


def load(
    url: str, headers: Mapping[str, str] | None = None, *, status: int, seconds: float
) -> tuple[int, float]:
    """Ask again and again with several clients; return how often, and the seconds needed.

    Each client asks at least once.
    """
    request, expected = raw_request(url, headers), str(status).encode()
    end = time.perf_counter() + seconds

    def ask(_client: int) -> int:
        count = 0
        while True:
            read_all(url, request, expected)
            count += 1
            if time.perf_counter() >= end:
                return count

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as threads:
        count = sum(threads.map(ask, range(CLIENTS)))
    return count, time.perf_counter() - start
