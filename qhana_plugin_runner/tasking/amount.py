"""How much is removed."""

from typing import NamedTuple, Self


class Amount(NamedTuple):
    """What was removed, or would be.

    Attributes:
        tasks: rows of tasks.
        files: files of tasks.
        size: bytes of the files, as far as they are known.
    """

    tasks: int = 0
    files: int = 0
    size: int = 0

    def plus(self, other: "Amount") -> Self:
        return type(self)(*(sum(pair) for pair in zip(self, other)))
