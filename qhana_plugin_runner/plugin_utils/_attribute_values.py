"""Conversion of single values between text and Python types."""

from typing import Any, Callable, Iterable

DEFAULT_SEPARATOR = ";"

CONSIDERED_TRUE = {"1", "true", "t", "yes", "y", "on"}
"""Texts that mean true, in lower case."""

CONSIDERED_FALSE = {"0", "false", "f", "no", "n", "off", "null", "nil", "none"}
"""Texts that mean false, in lower case."""


def parse_bool(value: Any) -> bool:
    """Parse a boolean from text, ignoring case and surrounding space.

    >>> parse_bool(" Yes "), parse_bool("off")
    (True, False)

    Args:
        value: one of :data:`CONSIDERED_TRUE` or :data:`CONSIDERED_FALSE`, or a boolean.

    Raises:
        ValueError: the text is neither true nor false.
    """
    text = str(value).strip().lower()
    if text in CONSIDERED_TRUE:
        return True
    if text in CONSIDERED_FALSE:
        return False
    raise ValueError(f"{value!r:.99} is neither true nor false; write 'true' or 'false'")


def parse_optional_value(value: Any, deserialize: Callable[[Any], Any]) -> Any:
    """Parse a value that may be missing.

    >>> parse_optional_value("7", int), parse_optional_value("", int)
    (7, None)

    Args:
        value: the serialized value.
        deserialize: parses a value.

    Returns:
        ``None`` for a missing value (``None`` or blank text).
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return deserialize(value)


def parse_multi(
    value: Any,
    deserialize: Callable[[Any], Any],
    separator: str = DEFAULT_SEPARATOR,
    collection: Callable[[Iterable[Any]], Any] = list,
) -> Any:
    """Parse several values from one text.

    >>> parse_multi("1;2", int), parse_multi("a b", str, separator=" ", collection=tuple)
    ([1, 2], ('a', 'b'))

    Args:
        value: the separated values; an empty text has none. The values of lists and sets (as
            from JSON) are parsed one by one.
        deserialize: parses each value.
        separator: separates the values.
        collection: creates the result, e.g. ``list`` or ``set``.
    """
    if value is None or value == "":
        return collection(())
    if isinstance(value, str):
        items: Iterable[Any] = value.split(separator)
    elif isinstance(value, (list, tuple, set, frozenset)):
        items = value
    else:
        items = (value,)
    return collection(deserialize(item) for item in items)


def default_serialize(value: Any) -> str:
    """Serialize a value as text; ``None`` becomes the empty text.

    >>> default_serialize(7), default_serialize(None)
    ('7', '')
    """
    return "" if value is None else str(value)


def serialize_multi(
    value: Iterable[Any] | None,
    serialize: Callable[[Any], str],
    separator: str = DEFAULT_SEPARATOR,
) -> str:
    """Serialize several values as one text, the values of a set in sorted order.

    >>> serialize_multi({"b", "a"}, str)
    'a;b'

    Args:
        value: the values; ``None`` means no values.
        serialize: serializes each value.
        separator: separates the values.

    Raises:
        ValueError: a value contains the separator and would be parsed as two.
    """
    if value is None:
        return ""
    texts = [serialize(item) for item in value]
    for text in texts:
        if separator in text:
            raise ValueError(
                f"{text!r:.99} contains the separator {separator!r:.99}; use another one"
            )
    if isinstance(value, (set, frozenset)):
        texts.sort()
    return separator.join(texts)
