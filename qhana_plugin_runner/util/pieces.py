"""A binary file made of pieces."""

from collections.abc import Iterable
from io import RawIOBase
from typing import Any


class PieceReader(RawIOBase):
    """A file to read once, made of pieces.

    Args:
        pieces: of bytes
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = filter(None, pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
