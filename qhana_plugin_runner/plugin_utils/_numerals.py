"""Numbers in text: as the files of the world write them, which is not as Python does."""

from collections.abc import Callable
from typing import Any, TypeVar

Number = TypeVar("Number", int, float)


def _read(kind: Callable[[Any], Number], value: Any) -> Number:
    """Read a number, but not what Python alone reads: ``1_000``, and digits of other scripts."""
    if isinstance(value, str):
        is_plain = value.isascii() or value.strip().isascii()
        if "_" in value or not is_plain:
            raise ValueError("only the digits 0 to 9 make a number, without '_'")
    return kind(value)


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
        return _read(int, value)
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
        return _read(float, value)
    except OverflowError as error:
        raise ValueError(f"{value!r:.99} is too large a number") from error
    except ValueError as error:
        raise ValueError(f"{value!r:.99} is no number") from error
