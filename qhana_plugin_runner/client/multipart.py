"""Forms with files, sent piece by piece: files of any size need no memory."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from urllib3.fields import RequestField

FileInput = Path | IO[Any]
"""What is uploaded: a path, or a file that is open for reading."""

_CHUNK = 2**18


def is_file(value: Any) -> bool:
    """Tell whether a value is a file to upload; a text never is."""
    return isinstance(value, Path) or callable(getattr(value, "read", None))


def file_name(file: FileInput) -> str | None:
    """Return the name of a file without its folder; ``None`` when it has none."""
    name = getattr(file, "name", None)  # of an open file it may be a number
    return Path(name).name or None if isinstance(name, str) else None


class Multipart:
    """The body of a form with files."""

    def __init__(self) -> None:
        self.content_type = f"multipart/form-data; boundary={uuid4().hex}"
        self._separator = self.content_type.rpartition("=")[2].encode()
        self._parts: list[tuple[bytes, IO[bytes]]] = []
        self._length = len(self._end)

    def add(self, name: str, file: IO[bytes], filename: str | None = None) -> None:
        """Add a field, or a file if it has a file name."""
        field = RequestField(name, b"", filename)
        field.make_multipart()
        head = b"--%s\r\n%s" % (self._separator, field.render_headers().encode())
        self._parts.append((head, file))
        self._length += len(head) + file.seek(0, os.SEEK_END) + len(b"\r\n")

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        for head, file in self._parts:
            yield head
            file.seek(0)
            while chunk := file.read(_CHUNK):
                yield chunk
            yield b"\r\n"
        yield self._end

    @property
    def _end(self) -> bytes:
        return b"--%s--\r\n" % self._separator


@contextmanager
def multipart(
    fields: Sequence[tuple[str, str]], files: Sequence[tuple[str, FileInput]]
) -> Iterator[Multipart]:
    """Open the files of a form.

    Args:
        fields: Names and texts.
        files: Names and files. Open files are read from their beginning.
    """
    body = Multipart()
    with ExitStack() as stack:
        for name, text in fields:
            body.add(name, io.BytesIO(text.encode()))
        for name, file in files:
            opened = stack.enter_context(_opened(file))
            body.add(name, opened, file_name(file) or name)
        yield body


@contextmanager
def _opened(file: FileInput) -> Iterator[IO[bytes]]:
    """Return a binary file that can be read again from its beginning."""
    if isinstance(file, Path):
        with file.open("rb") as opened:
            yield opened
    elif isinstance(file, io.StringIO):
        yield io.BytesIO(file.getvalue().encode())
    else:
        source = getattr(file, "buffer", file)
        if source is not file:
            file.flush()  # what was written may not have left the text layer
        if source.seekable():
            yield source
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(source, copy)
            yield copy
