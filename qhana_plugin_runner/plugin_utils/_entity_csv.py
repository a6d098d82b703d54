"""Entities in CSV tables (RFC 4180): a header, then a row per entity."""

import csv
import logging
from collections import Counter
from functools import partial
from itertools import chain
from typing import Any, Callable, Iterable, Iterator, Sequence, TextIO

from qhana_plugin_runner.plugin_utils._entities import get_entity_tuple_class, row_maker
from qhana_plugin_runner.plugin_utils._entity_errors import (
    EntityError,
    EntityRowError,
    EntitySyntaxError,
)
from qhana_plugin_runner.plugin_utils._entity_text import undecodable
from qhana_plugin_runner.requests.policy import current_policy
from qhana_plugin_runner.util.texts import encodable

CsvDialect = str | csv.Dialect | type[csv.Dialect]


class DefaultDialect(csv.unix_dialect):
    """The CSV that entities travel in, known to the csv module as ``"default"``."""

    lineterminator = "\r\n"


csv.register_dialect("default", DefaultDialect)


_logger = logging.getLogger(__name__)


def _filled_rows(reader: Any, ended: list[bool]) -> Iterator[list[str]]:
    """Iterate over the rows that are not blank."""
    try:
        for row in reader:
            if ended:
                # inside of quotes, the reader hands out what it has when the text ends
                raise EntitySyntaxError(
                    f"The CSV file ends after line {reader.line_num} inside of a quoted"
                    " value: it is cut off or lacks a closing quote."
                )
            if row:
                yield row
    except csv.Error as error:
        hint = " (MAX_CSV_FIELD_SIZE)" if "field limit" in str(error) else ""
        raise EntitySyntaxError(
            f"Line {reader.line_num} of the CSV file is broken: {error}{hint}."
        ) from error
    except UnicodeError as error:
        raise undecodable(error, f"after line {reader.line_num}") from error


def _note_end(ended: list[bool]) -> Iterator[str]:
    ended.append(True)
    yield from ()


def read_csv(
    lines: Iterable[str],
    dialect: CsvDialect,
    tuple_: Callable[..., Any] | None,
    process_header: bool | Callable[[list[str]], Sequence[str]],
) -> Iterator[Any]:
    """Parse a table row by row.

    Args:
        lines: the text, line by line, with the line ends (they belong to quoted values).
        dialect: a CSV dialect or its name.
        tuple_: a class of named tuples, or a function of a row, that makes the entities;
            by default a class made from the header, or a plain tuple when there is no
            header.
        process_header: the first row holds the names of the columns; a function is given
            them and returns those to use.

    Raises:
        EntityRowError: a row has more or fewer values than the header, and ``tuple_`` takes
            as many as there are names only; so does the default.
        EntitySyntaxError: a quote is never closed, or the dialect forbids what is there.
    """
    # One value may be a whole text or an encoded image, but the csv module stops at 128 KiB.
    # Its limit is a C long, which has 32 bits on some systems, and is that of the process.
    csv.field_size_limit(min(current_policy().max_csv_field, 2**31 - 1))
    ended: list[bool] = []
    # The end is noted behind the last line, so that the parser calls nothing for a line.
    reader = csv.reader(chain(lines, _note_end(ended)), dialect=dialect)
    rows = _filled_rows(reader, ended)
    width: int | None = None
    make_whole: Callable[[list[str]], Any] | None = None
    if process_header:
        header = next(rows, [])
        if not header:
            return
        names = list(process_header(header)) if callable(process_header) else header
        width = len(names)
        if len(set(names)) < width:
            twice = [name for name, count in Counter(names).items() if count > 1]
            _logger.warning(
                "a CSV file has several columns with the same name (%s): get() gives the first"
                " of them, as_dict() the last; rename them to have all.",
                ", ".join(map(repr, twice)),
            )
        if tuple_ is None:
            entity_class = get_entity_tuple_class(names)
            make_whole = partial(tuple.__new__, entity_class)
            tuple_ = entity_class
    make = row_maker(tuple if tuple_ is None else tuple_)
    for number, row in enumerate(rows, start=1):
        if make_whole is not None and len(row) == width:
            yield make_whole(row)
            continue
        try:
            entity = make(row)
        except (EntityError, TypeError) as error:
            fields = getattr(tuple_, "_fields", None)
            expected = width if fields is None else len(fields)
            if expected is None or len(row) == expected:
                raise
            if len(row) == 1 and row[0].isspace():
                continue  # a blank line with space in it
            entity = _with_defaults(tuple_, row)
            if entity is None:
                raise EntityRowError(
                    f"Row {number} (line {reader.line_num}) of the CSV file has {len(row)} values,"
                    f" but the table has {expected} columns; quote values that hold a comma"
                    " or a line break.",
                    row=number,
                    line=reader.line_num,
                    expected=expected,
                    found=len(row),
                ) from error
        yield entity


def _with_defaults(tuple_: Any, row: Sequence[str]) -> Any:
    """Make an entity from a short row when the fields of its class have defaults."""
    if not getattr(tuple_, "_field_defaults", None):
        return None
    try:
        return tuple_(*row)
    except TypeError:
        return None


def write_csv(
    rows: Iterable[Iterable[Any]],
    header: Sequence[str],
    text: TextIO,
    dialect: CsvDialect,
) -> None:
    """Write a header and the rows below it.

    What is not a character becomes U+FFFD: JSON may hold lone surrogates, which no charset
    has.
    """
    writer = csv.writer(text, dialect=dialect)
    for row in chain([header], rows):
        try:
            writer.writerow(row)
        except UnicodeEncodeError:  # the file has taken nothing of the row
            csv.writer(_Encodable(text), dialect=dialect).writerow(row)


class _Encodable:
    """A text file that takes what is not a character."""

    def __init__(self, text: TextIO) -> None:
        self._text = text

    def write(self, text: str) -> None:
        """Write a row."""
        self._text.write(encodable(text))
