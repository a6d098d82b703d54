"""The content of the files that plugins pass, read in chunks."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, Any, NamedTuple

from urllib3 import BaseHTTPResponse

from ..requests.http_adapter import whole
from ..util.content_types import ANYTHING, CONTENT_TYPE, charset_of
from ..util.texts import encodable
from .errors import NoRoom

CHUNK = 256 * 1024
"""Bytes copied at a time: large enough that calls do not count, small beside a process."""

_MIME_TYPE = re.compile(CONTENT_TYPE, re.ASCII)

_ROOM: ContextVar[int | None] = ContextVar("room", default=None)

FileLike = str | bytes | IO[Any] | Any


class FileFacts(NamedTuple):
    """Size and digest of a file.

    Attributes:
        size: bytes
        sha256: the digest in hexadecimal digits
    """

    size: int | None = None
    sha256: str | None = None


@contextmanager
def limited_to(room: int | None) -> Iterator[None]:
    """Let no content of a file be read in the block that is larger than the room in bytes."""
    token = _ROOM.set(room)
    try:
        yield
    finally:
        _ROOM.reset(token)


class Content:
    """The chunks of a file, from its start when it is seekable; iterate once.

    Args:
        file_: text (kept as UTF-8), bytes, or any text or binary file object
    """

    def __init__(self, file_: FileLike) -> None:
        self._pieces = _pieces(file_)
        self._size = 0
        self._digest = hashlib.sha256()
        self._room = _ROOM.get()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._size += len(piece)
            if self._room is not None and self._size > self._room:
                raise NoRoom()
            self._digest.update(piece)
            yield piece

    @property
    def facts(self) -> FileFacts:
        """Size and digest of the chunks iterated so far."""
        return FileFacts(self._size, self._digest.hexdigest())


def facts_of(file_: FileLike) -> FileFacts:
    """Measure a file that was already read, if it can be read again."""
    is_data = isinstance(file_, (str, bytes, bytearray, memoryview))
    is_open = not getattr(file_, "closed", False)
    if not is_data and not (is_open and rewind(file_)):
        return FileFacts()
    with limited_to(None):
        content = Content(file_)
    for _piece in content:
        pass
    return content.facts


def rewind(file_: Any) -> bool:
    """Seek to the start of a file; return whether it is seekable."""
    can = bool(getattr(file_, "seekable", lambda: False)())
    if can:
        file_.seek(0)
    return can


def _pieces(file_: FileLike) -> Iterator[bytes]:
    if isinstance(file_, str):
        yield encodable(file_).encode()
    elif isinstance(file_, (bytes, bytearray, memoryview)):
        yield bytes(file_)
    elif isinstance(file_, BaseHTTPResponse):
        # The raw response of requests would give the bytes as they were compressed.
        yield from whole(file_).stream(CHUNK, decode_content=True)
    else:
        rewind(file_)
        while piece := file_.read(CHUNK):
            yield encodable(piece).encode() if isinstance(piece, str) else piece


def content_type(mimetype: str | None) -> str:
    """Return the header for a mime type; texts without a charset are UTF-8."""
    if mimetype is None or not _MIME_TYPE.fullmatch(mimetype):
        return ANYTHING
    if mimetype.lower().startswith("text/") and not charset_of(mimetype):
        return f"{mimetype}; charset=utf-8"
    return mimetype
