"""Finds out how a table is written, and what is in its columns."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, Self

from .cells import MISSING, guess_decimal, guess_type, reader_of
from .layout import DELIMITERS, QUOTES, Layout

SAMPLE = 1024 * 1024
"""Characters that are looked at to guess; the charset is found out with the whole file."""

SAMPLE_ROWS = 5000
DIALECT_LINES = 300
MAX_SKIPPED = 50

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks; that of UTF-32 starts with one of UTF-16."""

_ORDINARY = re.compile(r"[\w .+\-/:%€$@&()!?°=*']*")
"""Cells that are no sign of a wrong delimiter or quote."""

_TOLD = re.compile(r"sep=(.)\s*")
"""The line by which Excel is told the delimiter."""

_YEAR = re.compile(r"(1[6-9]|20)\d\d", re.ASCII)

_ID_NAME = re.compile(r"(^|[\W_])(id|key|nr|no|number|nummer|code|uuid|index)([\W_]|$)")


@dataclass(frozen=True)
class Table:
    """A table, as it is read.

    Attributes:
        layout: how it is written.
        names: the names of its columns.
        kinds: their types.
        rows: its first rows.
    """

    layout: Layout
    names: list[str]
    kinds: list[str]
    rows: list[list[str]]

    @classmethod
    def guess(cls, path: Path, fixed: Mapping[str, Any]) -> Self:
        """Find out all of it, but for what is known of the layout.

        Raises:
            ValueError: the file is not in the charset that is known.
        """
        layout = guess_layout(path, fixed)
        lines = _sample(path, layout)[layout.skip_lines :]
        rows = list(islice(filter(any, layout.parse(lines)), SAMPLE_ROWS))
        header = rows[0] if layout.header and rows else []
        rows = rows[layout.header :]
        names = names_of(header, _width(rows) or len(header))
        missing, found, texts = layout.missing_words, Counter[str](), set[str]()
        kinds = []
        for number in range(len(names)):
            cells = [row[number].strip() for row in rows if number < len(row)]
            kind, words = guess_type(cells, missing, layout.decimal)
            found.update(words)
            if kind == "text":
                texts.update(cells)
            is_named = number < len(header) and header[number].strip()
            kinds.append(kind if is_named or any(cells) else "skip")
        more = [word for word in found if found[word] > 1 and word not in texts]
        if more and "missing" not in fixed:
            layout = replace(layout, missing="\n".join([layout.missing, *more]))
        if (chosen := _id_column(names, kinds, rows, missing)) is not None:
            kinds[chosen] = "id"
        return cls(layout, names, kinds, rows)


def guess_layout(path: Path, fixed: Mapping[str, Any]) -> Layout:
    """Find out how a file is written, but for what is known already."""
    charset = fixed.get("charset") or guess_charset(path)
    layout = Layout(charset, ",", '"', ".", True, 0, "\n".join(MISSING))
    lines = _sample(path, layout)
    layout = replace(
        layout, **_dialect(lines, fixed.get("delimiter"), fixed.get("quote"))
    )
    rows = list(layout.parse(lines[:DIALECT_LINES]))
    layout = replace(layout, skip_lines=_skipped(layout, lines, _width(rows)))
    layout = replace(layout, **fixed)
    rows = list(
        islice(filter(any, layout.parse(lines[layout.skip_lines :])), SAMPLE_ROWS)
    )
    cells = (cell.strip() for row in rows for cell in row)
    layout = replace(layout, decimal=guess_decimal(cells, layout.delimiter))
    layout = replace(layout, header=_has_header(rows, layout))
    return replace(layout, **fixed)


def guess_charset(path: Path) -> str:
    """Find out the charset of a file by its mark, or by all of its bytes."""
    with path.open("rb") as file:
        head = file.read(64 * 1024)
        for mark, name in _MARKS.items():
            if head.startswith(mark):
                return name
        if head[1::2].count(0) > len(head) * 0.3:
            return "utf-16-le"
        if head[::2].count(0) > len(head) * 0.3:
            return "utf-16-be"
        decoder = codecs.getincrementaldecoder("utf-8")()
        is_unicode, is_windows = True, True
        chunk = head
        while chunk and (is_unicode or is_windows):
            if is_unicode:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    is_unicode = False
            is_windows = is_windows and not any(map(chunk.__contains__, _NOT_WINDOWS))
            chunk = file.read(SAMPLE)
    if is_unicode and not decoder.getstate()[0]:  # nothing is cut off
        return "utf-8"
    return "windows-1252" if is_windows else "iso-8859-1"


_NOT_WINDOWS = (0x81, 0x8D, 0x8F, 0x90, 0x9D)


def _sample(path: Path, layout: Layout) -> list[str]:
    """Return the first lines of a file, whole ones."""
    try:
        with path.open(encoding=layout.codec, newline="") as file:
            text = file.read(SAMPLE)
    except UnicodeError as error:
        raise ValueError(
            f"The file is not {layout.charset}: choose another charset."
        ) from error
    lines = list(StringIO(text, newline=""))
    return lines[:-1] if len(text) == SAMPLE and len(lines) > 1 else lines


def _dialect(lines: Sequence[str], delimiter: str | None, quote: str | None) -> Any:
    """Choose delimiter and quote by how even the rows are, and how ordinary their values.

    As in van den Burg, Nazábal and Sutton: "Wrangling messy CSV files by detecting row and type
    patterns", 2019, with fewer types.
    """
    told = _TOLD.fullmatch(lines[0]) if lines else None
    if told and (told[1] in DELIMITERS or told[1] == "\t"):
        delimiter = delimiter or {"\t": "tab"}.get(told[1], told[1])
    plain = [line for line in lines if line.strip() and not line.startswith("#")]
    best, best_score = {"delimiter": delimiter or ",", "quote": quote or '"'}, 0.0
    for one in [delimiter] if delimiter else (",", ";", "tab", "|"):
        for other in [quote] if quote else QUOTES:
            layout = Layout("", one, other, ".", True, 0, "")
            try:
                score = _score(list(layout.parse(plain[:DIALECT_LINES])))
            except csv.Error:
                continue
            if score > best_score * 1.001:
                best, best_score = {"delimiter": one, "quote": other}, score
    if not delimiter and _is_spaced(plain[:DIALECT_LINES], best):
        best["delimiter"] = "space"
    return best


def _is_spaced(lines: Sequence[str], found: Mapping[str, str]) -> bool:
    """Whether lines without another delimiter are numbers with spaces between them.

    Words are no sign: most texts have spaces.
    """
    layouts = [
        Layout("", delimiter, found["quote"], ".", True, 0, "")
        for delimiter in (found["delimiter"], "space")
    ]
    whole, rows = [list(layout.parse(lines)) for layout in layouts]
    width = _width(rows)
    if _width(whole) > 1 or width < 3 or any(len(row) != width for row in rows):
        return False
    read = reader_of("number", ".")
    cells = [cell for row in rows[1:] for cell in row]
    return sum(_reads(read, cell) for cell in cells) > len(cells) / 2


def _score(rows: list[list[str]]) -> float:
    widths = Counter(map(len, rows)) or {0: 0}
    even = sum(count * (1 - 0.99 / (width or 1)) for width, count in widths.items())
    known = total = 0
    readers = [reader_of(*each) for each in (("number", "."), ("number", ","))]
    for row in rows:
        for cell in row:
            total += 1
            known += _is_ordinary(cell.strip(), readers)
    return even / len(widths) * (known / total if total else 0)


def _is_ordinary(cell: str, readers: Sequence[Any]) -> bool:
    if _ORDINARY.fullmatch(cell):
        return not (len(cell) > 1 and cell[0] == cell[-1] == "'")
    return any(_reads(read, cell) for read in readers)


def _reads(read: Any, cell: str) -> bool:
    try:
        read(cell)
    except ValueError:
        return False
    return True


def _width(rows: Iterable[Sequence[str]]) -> int:
    """Return the number of values that most rows have."""
    counts = Counter(len(row) for row in rows if row)
    return max(counts, key=lambda each: (counts[each], each), default=0)


def _skipped(layout: Layout, lines: Sequence[str], width: int) -> int:
    """Count the lines before the table: titles, comments, blank ones."""
    number, comment = 0, None
    for number, line in enumerate(lines[:MAX_SKIPPED]):
        row = next(iter(layout.parse([line])), [])
        is_comment = line.startswith("#")
        is_whole = line.count(QUOTES[layout.quote] or "\0") % 2 == 0
        is_title = width > 1 and sum(map(bool, row)) < 2 and is_whole
        is_title = is_title or (number == 0 and _TOLD.fullmatch(line) is not None)
        if not is_comment and any(row) and not is_title:
            return number if comment is None else comment
        if is_comment and len(row) == width > 1:
            comment = number  # the names of the columns, perhaps
        elif is_comment:
            comment = None
    return 0


def _has_header(rows: Sequence[Sequence[str]], layout: Layout) -> bool:
    """Whether the first row is of other types than those below it."""
    if len(rows) < 2:
        return len(rows) == 1 and guess_type(rows[0], set(), layout.decimal)[0] == "text"
    votes = 0
    for number, name in enumerate(rows[0]):
        if not name.strip():
            continue
        below = [row[number].strip() for row in rows[1:] if number < len(row)]
        kind, _words = guess_type(below, layout.missing_words, layout.decimal)
        own, _words = guess_type([name.strip()], set(), layout.decimal)
        is_year = _YEAR.fullmatch(name.strip()) and not all(map(_YEAR.fullmatch, below))
        if kind != "text":
            votes += 1 if own == "text" or is_year else -1
        elif own != "text" or below.count(name.strip()) > len(below) / 20:
            votes -= 1
    return votes >= 0


def names_of(header: Sequence[str], width: int) -> list[str]:
    """Return a name for each column, each another one.

    >>> names_of(["a", "", "a"], 4)
    ['a', 'column_2', 'a_2', 'column_4']
    """
    given = [" ".join(name.split()) for name in header]
    if given and given[0].startswith("#"):
        given[0] = given[0].lstrip("# ")
    if given and len(given) == width - 1 and all(given):
        given.insert(0, "")  # as R writes tables with names of rows
    while len(given) > max(width, 1) and not given[-1]:
        given.pop()
    given += [""] * (width - len(given))
    names: dict[str, None] = {}
    taken, counts = set(given), Counter[str]()
    for number, name in enumerate(given, start=1):
        base = name = name or f"column_{number}"
        while name in names or (name != base and name in taken):
            counts[base] += 1
            name = f"{base}_{counts[base] + 1}"
        names[name] = None
    return list(names)


def _id_column(
    names: Sequence[str],
    kinds: Sequence[str],
    rows: Sequence[Sequence[str]],
    missing: set[str],
) -> int | None:
    """Return the column that tells the rows apart, if one looks like it."""
    found = None
    for number, name in enumerate(names):
        cells = [row[number].strip() if number < len(row) else "" for row in rows]
        if kinds[number] not in ("integer", "text") or len(set(cells)) < len(cells):
            continue
        if not cells or not all(
            cell and cell.casefold() not in missing for cell in cells
        ):
            continue
        if name.casefold() == "id":
            return number
        is_counter = cells in ([str(n) for n in range(s, s + len(cells))] for s in (0, 1))
        are_codes = all(re.fullmatch(r"(?=.*\d)\S+", cell) for cell in cells)
        is_first = number == 0 and len(cells) > 2
        is_named = _ID_NAME.search(name.casefold()) is not None
        is_text = kinds[number] == "text"
        if is_named or is_first and (is_counter or is_text and are_codes):
            found = number if found is None else found
    return found
