"""What the cells of a table mean: numbers, dates, words for true and false, missing values."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime

DATES = ("date-dmy", "date-mdy", "date-ymd")
TIMES = ("datetime-dmy", "datetime-mdy", "datetime-ymd")

TYPES = ("id", "integer", "number", "boolean", "text", *DATES, *TIMES, "skip")
"""What a column may hold; behind dates stands the order of day, month and year."""

MISSING = (
    *("NA", "N/A", "#N/A", "NaN", "NULL", "None", "nil", "missing", "\\N"),
    *("-", "--", "---", "?", ".", "k. A.", "k.A.", "keine Angabe", "n. b.", "fehlt"),
)
"""Words for missing values, whatever their case."""

_TRUE = {"true", "t", "yes", "y", "1", "on", "ja", "j", "wahr", "oui", "vrai", "si", "sí"}
_FALSE = {"false", "f", "no", "n", "0", "off", "nein", "falsch", "non", "faux"}

_GROUPS = "'’ \u00a0\u202f"
"""What stands between thousands, beside the point or comma that is no decimal sign."""

_DAY = re.compile(r"(\d{1,4})([./-] ?)(\d{1,2})\2(\d{1,4})", re.ASCII)
_NAMED_DAY = re.compile(  # 31. Dezember 2025, 31-Dec-25, Dec 31, 2025
    r"(?:(\d{1,2})\.?[ -]([^\W\d_]{3,9})\.?|([^\W\d_]{3,9})\.? (\d{1,2}),?)[ -](\d{2,4})"
)
_MONTHS = {
    **{name: n for n, name in enumerate("jan feb mar apr may jun jul".split(), 1)},
    **{name: n for n, name in enumerate("aug sep oct nov dec".split(), 8)},
    **{"mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12},
}
"""Months by the first three letters of their names, English and German."""

_TIME = re.compile(
    r"[T ] ?(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,6})(\d*))?)?"
    r" ?([AP]M)? ?(Z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)?",
    re.ASCII | re.IGNORECASE,
)

_CODE = re.compile(r"[+-]?(?:0\d+|\d{19,})", re.ASCII)
_PHONE = re.compile(r"\+\d{7,}", re.ASCII)

Reader = Callable[[str], str]
"""Writes a cell as entities have it; raises ``ValueError`` when it is of another type."""


def reader_of(kind: str, decimal: str) -> Reader:
    """Return what reads the cells of a column.

    >>> reader_of("number", ",")("1.234,5"), reader_of("date-dmy", ",")("31.12.2025")
    ('1234.5', '2025-12-31')
    >>> reader_of("boolean", ".")("Ja")
    'true'

    Args:
        kind: one of the ``TYPES``.
        decimal: the decimal sign, ``.`` or ``,``.
    """
    if kind in ("integer", "number"):
        return _number_reader(decimal, kind == "integer")
    if kind in DATES or kind in TIMES:
        name, order = kind.split("-")
        return lambda cell: _read_moment(cell, order, name == "datetime")
    return {"boolean": _read_boolean}.get(kind, str)


def _number_reader(decimal: str, is_whole: bool) -> Reader:
    other = "," if decimal == "." else "."
    point, groups = re.escape(decimal), f"[{re.escape(other)}{_GROUPS}]"
    digits = rf"(?:\d{{1,3}}(?:({groups})\d{{3}})(?:\1\d{{3}})*|\d+)"
    fraction = rf"(?:{point}0*)?" if is_whole else rf"(?:{point}\d*)?(?:[eE][+-]?\d+)?"
    bare = "" if is_whole else rf"|{point}\d+(?:[eE][+-]?\d+)?"
    matches = re.compile(rf"[+\-−]?(?:{digits}{fraction}{bare})", re.ASCII).fullmatch
    plain = str.maketrans({decimal: ".", "−": "-", **dict.fromkeys(f"+{other}{_GROUPS}")})

    def read(cell: str) -> str:
        if matches(cell) is None:
            raise ValueError
        number = cell.translate(plain)
        return number.partition(".")[0] if is_whole else number

    return read


def _read_boolean(cell: str) -> str:
    word = cell.casefold()
    if word not in _TRUE and word not in _FALSE:
        raise ValueError
    return "true" if word in _TRUE else "false"


def _read_moment(cell: str, order: str, has_time: bool) -> str:
    if (numeric := _DAY.match(cell)) is not None:
        numbers = dict(zip(order, numeric.group(1, 3, 4)))
        year, month, day = numbers["y"], int(numbers["m"]), int(numbers["d"])
        end = numeric.end()
    elif (named := _NAMED_DAY.match(cell)) is not None and order != "ymd":
        day = int(named[1] or named[4])
        month = _MONTHS.get((named[2] or named[3])[:3].casefold(), 0)
        year, end = named[5], named.end()
    else:
        raise ValueError
    if len(year) not in (2, 4) or (len(year) == 2 and order == "ymd"):
        raise ValueError
    number = int(year)
    if len(year) == 2:
        number += 2000 if number < 69 else 1900  # as POSIX does
    if not has_time:
        if end < len(cell) and not re.fullmatch(r"[T ]0?0:00(:00(\.0+)?)?", cell[end:]):
            raise ValueError
        return date(number, month, day).isoformat()
    time = _TIME.fullmatch(cell, end) if end < len(cell) else None
    if end < len(cell) and time is None:
        raise ValueError
    hour, minute, second, part, rest, half, zone = time.groups() if time else (None,) * 7
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + (12 if half.upper() == "PM" else 0)
    micro = int((part or "").ljust(6, "0"))
    moment = datetime(
        number, month, day, hours, int(minute or 0), int(second or 0), micro
    )
    if zone and zone.upper() != "Z" and ":" not in zone:
        zone = f"{zone[:3]}:{zone[3:] or '00'}"
    rest = (rest or "").rstrip("0")  # nanoseconds, which Python does not know
    text = moment.isoformat(timespec="microseconds" if rest else "auto")
    return text + rest + (zone or "").upper()


def guess_decimal(cells: Iterable[str], delimiter: str) -> str:
    """Return the decimal sign that most numbers show; those like ``1.234`` show none.

    >>> guess_decimal(["1.234", "0,5"], ";"), guess_decimal(["1,234", "0.5"], ";")
    (',', '.')
    """
    votes: Counter[str] = Counter()
    unsure: Counter[str] = Counter()
    for cell in cells:
        signs = re.sub(r"[^.,]", "", cell)
        if not signs or not re.fullmatch(r"[+\-−]?\d[\d.,]*", cell, re.ASCII):
            continue
        tail = cell[cell.rindex(signs[-1]) + 1 :]
        head = cell.lstrip("+-−")
        if len(set(signs)) == 2 and signs.count(signs[-1]) == 1:
            votes[signs[-1]] += 1
        elif len(signs) > 1:
            if len(set(signs)) == 1 and not _DAY.fullmatch(cell):
                votes["." if signs[0] == "," else ","] += 1
        elif len(tail) != 3 or head[0] == "0" or len(head) > 7:
            votes[signs] += 1
        else:
            unsure[signs] += 1
    if votes:
        return votes.most_common(1)[0][0]
    return "," if delimiter == ";" and unsure[","] > unsure["."] else "."


def guess_type(
    cells: Iterable[str], missing: set[str], decimal: str
) -> tuple[str, Counter[str]]:
    """Return the type of a column, and the words in it that are of another one.

    Args:
        cells: some of the column, without space around them.
        missing: the known words, in lower case.
        decimal: the decimal sign.
    """
    counts = Counter(cell for cell in cells if cell and cell.casefold() not in missing)
    if not counts or any(map(is_code, counts)) or all(map(_PHONE.fullmatch, counts)):
        return "text", Counter()
    words = {cell.casefold() for cell in counts}
    if words <= _TRUE | _FALSE and not words <= {"0", "1"}:
        if min(map(len, words)) > 1 or (len(words) == 2 and len(words & _TRUE) == 1):
            return "boolean", Counter()
    has_time = any(":" in cell for cell in counts)
    kinds = ("integer", "number", *(TIMES if has_time else DATES))
    misfits = {kind: _misfits(counts, reader_of(kind, decimal)) for kind in kinds}
    kind = min(kinds, key=lambda each: misfits[each].total())
    share = misfits[kind].total() / counts.total()
    are_words = len(misfits[kind]) <= 3 and not any(
        re.search(r"\d", cell) for cell in misfits[kind]
    )
    if share > (0.25 if are_words else 0.1):
        return "text", Counter()
    return _ordered(kind, counts), misfits[kind] if are_words else Counter()


def is_code(cell: str) -> bool:
    """Whether what looks like a number is none: ``00123``, or too many digits."""
    return _CODE.fullmatch(cell) is not None


def _misfits(counts: Counter[str], read: Reader) -> Counter[str]:
    found: Counter[str] = Counter()
    for cell, count in counts.items():
        try:
            read(cell)
        except ValueError:
            found[cell] = count
    return found


def _ordered(kind: str, counts: Counter[str]) -> str:
    """Return a type of dates; what may be both orders is that of the country of the sign."""
    is_american = all("/" in cell or cell[0].isalpha() for cell in counts)
    if kind in ("date-dmy", "datetime-dmy") and is_american:
        monthly = kind.replace("dmy", "mdy")
        if not _misfits(counts, reader_of(monthly, ".")):
            return monthly
    return kind
