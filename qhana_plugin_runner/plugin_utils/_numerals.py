"""Numbers in text: as the files of the world write them, which is not as Python does."""

from typing import Any


def _refuse_foreign(text: str) -> None:
    """Refuse what Python alone reads: ``1_000``, and the digits of other scripts.

    Raises:
        ValueError: it is no numeral, even without the space around it, which may be of any kind.
    """
    if "_" in text or not text.strip().isascii():
        raise ValueError("only the digits 0 to 9 make a number, without '_'")


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
        if isinstance(value, str) and ("_" in value or not value.isascii()):
            _refuse_foreign(value)
        return int(value)
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
        if isinstance(value, str) and ("_" in value or not value.isascii()):
            _refuse_foreign(value)
        return float(value)
    except OverflowError as error:
        raise ValueError(f"{value!r:.99} is too large a number") from error
    except ValueError as error:
        raise ValueError(f"{value!r:.99} is no number") from error
