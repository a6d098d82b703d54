"""Whether data of one type matches the type that a plugin asks for.

A data type (``entity/list``) and a mime type (``text/csv``) have two parts each. In what a plugin
asks for, ``*`` stands for any part, and alone for any type.
"""

from collections.abc import Iterable

from ...util.content_types import media_type

ANY = "*"
"""Any type, as a plugin or a host asks for it."""


def accepts(pattern: str | None, type_: str | None) -> bool:
    """Tell whether a type is one of those that a pattern stands for.

    Capitals and spaces around do not matter. What is empty stands for any type, as a pattern;
    a type that is empty is not known, and only taken by who takes any.

    >>> accepts("entity/*", "entity/list"), accepts("*", ""), accepts("entity/list", "entity/*")
    (True, True, False)
    """
    wanted, given = _parts(pattern), _parts(type_)
    return all(part in (ANY, found) for part, found in zip(wanted, given))


def is_same(pattern: str | None, type_: str | None) -> bool:
    """Tell whether a pattern is a type, and not one of several that it stands for."""
    return ANY not in _parts(type_) and _parts(pattern) == _parts(type_)


def is_accepted(patterns: Iterable[str], content_type: str | None) -> bool:
    """Tell whether a mime type is one of those that patterns stand for; without any, it is.

    >>> is_accepted(["text/csv", "image/*"], "text/csv; charset=utf-8")
    True
    """
    wanted = list(patterns)
    given = media_type(content_type)
    return not wanted or any(accepts(media_type(each), given) for each in wanted)


def _parts(type_: str | None) -> tuple[str, str]:
    """Part a type; what is not said is any."""
    main, _slash, sub = (type_ or "").strip().lower().partition("/")
    return main.strip() or ANY, sub.strip() or ANY
