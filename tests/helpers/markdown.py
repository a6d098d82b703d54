"""The code blocks of the documentation."""

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"

_BLOCK = re.compile(
    r"^```\{code-block\} (?P<language>\w+)\n:class: (?P<kind>[\w-]+)\n\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A ``{code-block}`` with a class.

    Attributes:
        kind: the class, which says what the block is for
        text: the code, with a line break at its end
    """

    language: str
    kind: str
    text: str


def blocks(page: str, *kinds: str) -> list[Block]:
    """Return the blocks of some kinds in the order in which they stand on a page.

    Args:
        page: path of the page below ``docs/``
        kinds: names of the kinds

    Raises:
        AssertionError: there is none
    """
    text = (DOCS / page).read_text("utf-8")
    found = [Block(**match.groupdict()) for match in _BLOCK.finditer(text)]
    wanted = [block for block in found if block.kind in kinds]
    assert wanted, f"{page} has no block of the kind {' or '.join(kinds)}"
    return wanted


def only_block(page: str, kind: str) -> Block:
    """Return the one block of a kind on a page."""
    (block,) = blocks(page, kind)
    return block
