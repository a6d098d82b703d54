"""Numbers in text: as the files of the world write them, which is not as Python does."""

from typing import Any

__all__ = ["parse_float", "parse_int"]


def _numeral(text: str) -> str:
    """Give back text that Python may read as a number; refuse what only Python would.

    Raises:
        ValueError: there is an underscore (``1_000``) or a digit of another script in it.
    """
    if "_" in text or not text.isascii():
        # space around a number may be of any kind
        text = text.strip()
        if "_" in text or not text.isascii():
            raise ValueError("only the digits 0 to 9 make a number, without '_'")
    return text


def parse_int(value: Any) -> int:
    """Read a whole number.

    >>> parse_int(" -12 "), parse_int(2.5)
    (-12, 2)

    Args:
        value: a numeral as data files have it: digits 0 to 9, a sign, space around them.  A
            number loses what is behind its point.

    Raises:
        ValueError: this is no whole number.
    """
    try:
        return int(_numeral(value) if isinstance(value, str) else value)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{value!r:.99} is no whole number") from error


def parse_float(value: Any) -> float:
    """Read a number.

    >>> parse_float("1e3"), parse_float(7)
    (1000.0, 7.0)

    Args:
        value: a numeral as data files have it: as for :func:`parse_int`, with a decimal point
            and an exponent; also ``inf`` and ``nan``.

    Raises:
        ValueError: this is no number, or one that no float can hold.
    """
    try:
        return float(_numeral(value) if isinstance(value, str) else value)
    except OverflowError as error:
        raise ValueError(f"{value!r:.99} is too large a number") from error
    except ValueError as error:
        raise ValueError(f"{value!r:.99} is no number") from error
