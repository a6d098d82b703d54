"""How a table is written: charset, delimiter, quotes, lines before the header, and so on."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from flask import current_app

DELIMITERS = {",": ",", ";": ";", "tab": "\t", "|": "|", ":": ":", "space": " "}

QUOTES = {'"': '"', "'": "'", "none": ""}


@dataclass(frozen=True)
class Layout:
    """How a table is written.

    Attributes:
        charset: the character set.
        delimiter: what separates values; a key of ``DELIMITERS``.
        quote: what is around values; a key of ``QUOTES``.
        decimal: the decimal sign.
        header: whether the first row has the names of the columns.
        skip_lines: the number of lines before the first row.
        missing: the words for missing values, one a line.
    """

    charset: str
    delimiter: str
    quote: str
    decimal: str
    header: bool
    skip_lines: int
    missing: str

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, by name."""
        return asdict(self)

    @property
    def missing_words(self) -> set[str]:
        """The words for missing values, in lower case."""
        return {word.strip().casefold() for word in self.missing.splitlines()} - {""}

    @property
    def codec(self) -> str:
        """The charset for Python, which drops the mark that Windows writes."""
        return "utf-8-sig" if self.charset == "utf-8" else self.charset

    def parse(self, lines: Iterable[str]) -> Any:
        """Return the reader of the rows in some lines, as the csv module has it."""
        limit: int = current_app.config["MAX_CSV_FIELD_SIZE"]
        csv.field_size_limit(min(limit, 2**31 - 1))
        quote = QUOTES[self.quote]
        return csv.reader(
            lines,
            delimiter=DELIMITERS[self.delimiter],
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            skipinitialspace=True,
        )

    @contextmanager
    def opened(self, path: Path) -> Iterator[TextIO]:
        """Open a file behind the lines that are skipped."""
        with path.open(encoding=self.codec, newline="") as file:
            for _line in islice(file, self.skip_lines):
                pass
            yield file
