"""The rows of a table as entities: each value read by the type of its column."""

import csv
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.plugin_utils.attributes import AttributeMetadata

from .cells import TYPES, is_code, reader_of
from .guess import Table
from .layout import Layout

BATCH = 1000
"""Rows that are worked on at once."""

MAX_REPORTED = 1000
"""Rows of the report; what is beyond is counted."""

MAX_KEPT = 20_000
"""Values of a column that are read once only; long ones are never kept."""

MAX_KEPT_LENGTH = 100

MAX_SHOWN = 20
"""Columns of the table that people see."""


class Column(dict[str, str | None]):
    """A column of the result, and what its cells become: ``None`` where they do not fit.

    Args:
        name: of the attribute.
        kind: its type.
        layout: how the table is written.
        is_guessed: whether the type is guessed by the first rows, so that others may mend it.

    Attributes:
        mended: the first cell that shows that integers are none; ``""``: there is none.
    """

    def __init__(
        self, name: str, kind: str, layout: Layout, is_guessed: bool = False
    ) -> None:
        super().__init__()
        self.name, self.kind, self.missing = name, kind, layout.missing_words
        self.mended, self._is_guessed = "", is_guessed
        self._read = reader_of(kind, layout.decimal)
        self._read_number = reader_of("number", layout.decimal)
        self.misfits, self.examples = 0, dict[str, int]()
        self.blanked: Counter[str] = Counter()
        self._words: dict[str, None] = {}

    def __missing__(self, cell: str) -> str | None:
        text: str | None = cell.strip()
        if not text:
            text = ""
        elif text.casefold() in self.missing:
            self._words[cell] = None
            text = ""
        else:
            text = self._value(cell, text)
        if len(cell) <= MAX_KEPT_LENGTH:
            self[cell] = text
        return text

    def _value(self, cell: str, text: str) -> str | None:
        """Read a value; one that is no integer changes a type that the first rows told."""
        may_change = self._is_guessed and self.kind == "integer"
        if may_change and is_code(text):
            self.kind, self.mended = "text", text
        if self.kind == "text":
            return cell
        try:
            return self._read(text)
        except ValueError:
            if not may_change:
                return None
        try:
            number = self._read_number(text)
        except ValueError:
            return None
        self.kind, self.mended, self._read = "number", text, self._read_number
        return number

    def read(self, cells: Sequence[str]) -> list[str | None]:
        """Read some cells."""
        values = list(map(self.__getitem__, cells))
        for word in self._words:
            self.blanked[word.strip()] += cells.count(word)
        if len(self) > MAX_KEPT:
            self.clear()
            self._words.clear()
        return values


class Import:
    """Reads a table, and remembers what was odd about it.

    Attributes:
        report: rows about values and rows that do not fit.
        count: the entities so far.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        names: Sequence[str],
        kinds: Sequence[str],
        guessed: Sequence[str] = (),
    ) -> None:
        self._path, self._layout = path, layout
        self._names, self._width = names, len(names)
        taken = {
            name: kind for name, kind in zip(names, kinds) if kind not in ("id", "skip")
        }
        self.renamed = {name: _free(name, taken) for name in taken if name == "ID"}
        self.columns = [
            Column(self.renamed.get(name, name), kind, layout, kind == guess)
            for name, kind, guess in zip_longest(names, kinds, guessed)
        ]
        self._id = kinds.index("id") if "id" in kinds else None
        self._kept = [n for n, kind in enumerate(kinds) if kind not in ("id", "skip")]
        self.header = ["ID", *(self.columns[n].name for n in self._kept)]
        self.report: list[dict[str, Any]] = []
        self.count = self.blank = self.short = self.long = self.without_id = 0
        self._hashes = [array("q") for _part in range(64)]

    def write(self, target: Path, task: Task) -> None:
        """Write the entities to a CSV file.

        Raises:
            ValueError: the file cannot be read so; the text names the cure.
        """
        size = max(self._path.stat().st_size, 1)
        with (
            target.open("w", encoding="utf-8", newline="") as file,
            self._layout.opened(self._path) as text,
        ):
            writer = csv.writer(file, dialect="default")
            writer.writerow(self.header)
            for lines, rows in self._batches(text):
                writer.writerows(zip(*self._read(lines, rows)))
                task.set_progress(text.buffer.tell() / size * 100)

    def _batches(self, text: Any) -> Iterator[tuple[list[int], list[list[str]]]]:
        """Yield rows of the right width, and the lines in which they end."""
        ended: list[bool] = []
        reader = self._layout.parse(chain(text, _note(ended)))
        width, first = self._width, self._layout.skip_lines
        lines: list[int] = []
        rows: list[list[str]] = []
        try:
            if self._layout.header:
                next(filter(any, reader), None)
            start = reader.line_num
            for row in reader:
                if ended:
                    raise ValueError(
                        f"The quote that opens in line {first + start + 1}, or below, is never "
                        "closed: choose another quote, or none."
                    )
                start = reader.line_num
                if len(row) != width:
                    row = self._fitted(row, first + start)
                if not any(row):
                    self.blank += 1
                    continue
                lines.append(first + start)
                rows.append(row)
                if len(rows) == BATCH:
                    yield lines, rows
                    lines, rows = [], []
        except csv.Error as error:
            hint = " (MAX_CSV_FIELD_SIZE)" if "field limit" in str(error) else ""
            raise ValueError(f"Line {first + reader.line_num}: {error}{hint}.") from error
        except UnicodeError as error:
            raise ValueError(
                f"The file is not {self._layout.charset} after line "
                f"{first + reader.line_num}: choose another charset."
            ) from error
        if rows:
            yield lines, rows

    def _fitted(self, row: list[str], line: int) -> list[str]:
        """Make a row as wide as the table, and report what that changes."""
        if not any(row):
            return []
        if len(row) < self._width:
            self.short += 1
            self._note(line, "", "", f"{len(row)} of {self._width} values")
            return row + [""] * (self._width - len(row))
        if any(row[self._width :]):
            self.long += 1
            rest = self._layout.delimiter.join(row[self._width :])
            self._note(line, "", rest, f"{len(row)} values for {self._width} columns")
        return row[: self._width]

    def _read(self, lines: list[int], rows: list[list[str]]) -> list[Sequence[Any]]:
        cells = list(zip(*rows))
        values = [self._ids(lines, cells)]
        for number in self._kept:
            column = self.columns[number]
            read = column.read(cells[number])
            if None in read:
                for place, value in enumerate(read):
                    if value is None:
                        self._misfit(column, cells[number][place], lines[place])
                        read[place] = ""
            values.append(read)
        self.count += len(rows)
        return values

    def _ids(self, lines: list[int], cells: list[tuple[str, ...]]) -> list[Any]:
        first = self.count + 1
        if self._id is None:
            return list(range(first, first + len(lines)))
        ids: list[str] = [cell.strip() for cell in cells[self._id]]
        if "" in ids:
            for place, each in enumerate(ids):
                if not each:
                    ids[place] = f"row-{first + place}"
                    self.without_id += 1
                    self._note(lines[place], "ID", "", f"no ID: {ids[place]} is given")
        for value in map(hash, ids):
            self._hashes[value & 63].append(value)
        return ids

    def _misfit(self, column: Column, cell: str, line: int) -> None:
        column.misfits += 1
        if len(column.examples) < 3:
            column.examples.setdefault(cell.strip(), line)
        self._note(line, column.name, cell, f"not of the type {column.kind}")

    def _note(self, line: int, column: str, value: str, reason: str) -> None:
        if len(self.report) < MAX_REPORTED:
            self.report.append(
                {"line": line, "column": column, "value": value[:200], "reason": reason}
            )

    def attributes(self) -> list[dict[str, Any]]:
        """Return what describes the attributes."""
        titles = {column.name: name for name, column in zip(self._names, self.columns)}
        described = [
            ("ID", "string", self._names[self._id] if self._id is not None else "ID")
        ]
        for number in self._kept:
            column = self.columns[number]
            described.append(
                (column.name, _attribute_type(column.kind), titles[column.name])
            )
        return [AttributeMetadata(*each).to_dict() for each in described]

    @property
    def repeated_ids(self) -> int:
        """How many entities have the ID of another one; in parts, to need little memory."""
        return sum(len(part) - len(set(part)) for part in self._hashes)

    def log(self) -> Iterator[str]:
        """Yield what people should know, a line for each fact."""
        yield f"Entities: {self.count}, attributes: {len(self._kept)}."
        if left_out := [each.name for each in self.columns if each.kind == "skip"]:
            more = (
                f", and {len(left_out) - MAX_SHOWN} more" if left_out[MAX_SHOWN:] else ""
            )
            yield f"Left out: {', '.join(left_out[:MAX_SHOWN])}{more}."
        if repeated := self.repeated_ids:
            yield f"Entities with the ID of another one: {repeated}; better number the rows."
        for count, what in (
            (self.blank, "Blank rows, left out"),
            (self.short, "Rows with too few values, filled up"),
            (self.long, "Rows with too many values, which are in the report"),
            (self.without_id, "Rows without an ID, which got one such as row-7"),
        ):
            if count:
                yield f"{what}: {count}."
        if len(self.report) == MAX_REPORTED:
            yield f"The report ends after {MAX_REPORTED} values and rows; there may be more."
        for column in self.columns:
            if column.mended:
                yield (
                    f"{column.name}: {column.kind}, and not integer as in the first rows: "
                    f"there is {column.mended!r:.60}."
                )
            if column.blanked:
                words = ", ".join(
                    f"{w!r} ({n})" for w, n in column.blanked.most_common(5)
                )
                yield f"{column.name}: missing values: {words}."
            if column.misfits:
                shown = ", ".join(
                    f"{c!r:.60} (line {n})" for c, n in column.examples.items()
                )
                yield (
                    f"{column.name}: not of the type {column.kind}, left empty: "
                    f"{column.misfits}, such as {shown}."
                )


def _attribute_type(kind: str) -> str:
    return {"text": "string"}.get(kind, kind.partition("-")[0])


def _note(ended: list[bool]) -> Iterator[str]:
    """Note that the lines have ended, without work for each of them."""
    ended.append(True)
    yield from ()


def _free(name: str, taken: Any) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def write_columns(names: Sequence[str], kinds: Sequence[str]) -> str:
    """Write names and types as people correct them: one column a line."""
    return "\n".join(f"{name}: {kind}" for name, kind in zip(names, kinds))


def read_columns(text: str) -> tuple[list[str], list[str]]:
    """Read names and types as people have corrected them.

    >>> read_columns("a: integer\\nb: c: text")
    (['a', 'b: c'], ['integer', 'text'])

    Raises:
        ValueError: it says which line is wrong, and why.
    """
    names: list[str] = []
    kinds: list[str] = []
    taken: set[str] = set()
    has_id = False
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, kind = (part.strip() for part in line.rpartition(":"))
        if not colon or not name or kind not in TYPES:
            raise ValueError(f"{line!r}: write NAME: TYPE; types are {', '.join(TYPES)}.")
        if kind != "skip" and name in taken:
            raise ValueError(f"{line!r}: there is another column of this name.")
        if kind == "id" and has_id:
            raise ValueError(f"{line!r}: there is another column of the type id.")
        has_id = has_id or kind == "id"
        taken.add(name)
        names.append(name)
        kinds.append(kind)
    return names, kinds


def first_rows(table: Table) -> str:
    """Return the first rows as they are read, in Markdown."""
    columns = [Column(*each, table.layout) for each in zip(table.names, table.kinds)]
    columns = columns[:MAX_SHOWN]
    shown = [[_plain(each.name) for each in columns], ["---"] * len(columns)]
    shown.append([f"*{_plain(each.kind)}*" for each in columns])
    for row in table.rows[:5]:
        cells = zip_longest(columns, row[: len(columns)], fillvalue="")
        shown.append([_plain(column[cell] or "") for column, cell in cells])
    return "\n".join(f"| {' | '.join(each)} |" for each in shown)


def _plain(text: str) -> str:
    """Return a text that is none of Markdown's, in one line."""
    text = " ".join(text.split())
    text = text if len(text) <= 40 else f"{text[:39]}…"
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>()#+-.!|&~:$^=" else c for c in text)
