"""Log lines in JSON: one object a line, whatever is in it. Imports the standard library only."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# What JSON may hold as it is, and a terminal, or a reader of lines, takes for something else.
_CONTROL = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def rfc3339(seconds: float) -> str:
    """Return a time as text, in UTC and with milliseconds.

    >>> rfc3339(1.5)
    '1970-01-01T00:00:01.500Z'
    """
    time = datetime.fromtimestamp(seconds, UTC)
    return f"{time.isoformat(timespec='milliseconds')[:-6]}Z"


def json_line(fields: Mapping[str, Any]) -> str:
    """Return an object that JSON can hold as one line, without its end.

    >>> json_line({"message": "grün\\n\x9b", "process": 5})
    '{"message": "grün\\\\n\\\\u009b", "process": 5}'
    """
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False)
    # They are in strings only.
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def as_record(text: str) -> dict[str, Any] | None:
    """Return a line as the record of a log; ``None`` if it is none, or JSON cannot hold it."""
    if not text.startswith('{"timestamp"'):
        return None
    try:
        record = json.loads(text, parse_constant=_refuse)
        # 1e999 becomes infinity, which can be read and not be written.
        json.dumps(record, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
