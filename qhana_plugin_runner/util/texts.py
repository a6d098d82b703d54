"""Texts that leave the runner: JSON can hold halves of surrogate pairs, UTF-8 cannot."""

import re

__all__ = ["encodable", "is_encodable"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def is_encodable(text: str) -> bool:
    """Tell whether a text can be written as UTF-8.

    >>> is_encodable("\\U0001f600"), is_encodable("\\ud83d")
    (True, False)
    """
    return _SURROGATE.search(text) is None


def encodable(text: str) -> str:
    """Return a text that can be written as UTF-8: U+FFFD stands for each lone surrogate.

    >>> encodable("half \\ud83d")
    'half \ufffd'
    """
    return _SURROGATE.sub("\ufffd", text)
