"""Standard JSON, without NaN and Infinity.

Python writes ``NaN`` and ``Infinity``, which JSON does not have (RFC 8259, section 6):
browsers, databases and the JSON libraries of other languages reject the whole text.
"""

import json
from typing import Any

from flask.json.provider import DefaultJSONProvider

_ENCODER = json.JSONEncoder(allow_nan=False)


def dumps(value: Any, **options: Any) -> str:
    """Write a value as JSON; numbers that JSON does not have become ``null``.

    >>> dumps({"score": float("nan"), "steps": [1, float("inf")]})
    '{"score": null, "steps": [1, null]}'

    Args:
        value: anything that :func:`json.dumps` takes.
        **options: for :func:`json.dumps`.

    Raises:
        TypeError: JSON has no such type.
        ValueError: the value contains itself.
    """
    options.pop("allow_nan", None)
    try:
        if not options:
            return _ENCODER.encode(value)
        return json.dumps(value, allow_nan=False, **options)
    except ValueError:
        # rare: parse what Python wrote, since values from "default" may contain them, too
        text = json.dumps(value, **options)
        return json.dumps(json.loads(text, parse_constant=_null), **options)


def _null(_name: str) -> None:
    return None


class StrictJSONProvider(DefaultJSONProvider):
    """Writes the JSON of responses, those of plugins included."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write a response, see :func:`dumps`."""
        kwargs.setdefault("default", self.default)
        kwargs.setdefault("ensure_ascii", self.ensure_ascii)
        kwargs.setdefault("sort_keys", self.sort_keys)
        return dumps(obj, **kwargs)
