"""Large files as tables that can be sorted and searched: temporary databases that SQLite removes."""

import json
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from threading import Lock
from typing import Any, NamedTuple

from requests import Response

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.plugin_utils.columns import is_missing, number_of
from qhana_plugin_runner.plugin_utils.entity_marshalling import load_entities
from qhana_plugin_runner.requests import (
    get_mimetype,
    open_url,
    retrieve_attribute_metadata_url,
)
from qhana_plugin_runner.util.texts import encodable

MAX_ROWS = 2_000_000
MAX_COLUMNS = 200
MAX_PAGES = 2**20
"""Pages of a database, of 4 KiB each."""

BATCH = 1_000

KEPT_TABLES = 4
KEPT_SECONDS = 900
STREAMED_ROWS = 5_000
"""Rows from the beginning of a file for which nothing is built."""

MAX_PATTERN = 1_000
"""Characters of a text that SQLite itself searches for."""

COMPARED = {"equals": "=", "at least": ">=", "at most": "<="}


class Query(NamedTuple):
    """Which rows of a table are wanted, in which order.

    Attributes:
        sort: The attribute to sort by; none: as in the file.
        descending: Whether the greatest comes first.
        search: What rows are searched for; empty: all rows.
        column: Where; none: everywhere.
        condition: ``contains``, or one of ``COMPARED``.
    """

    sort: str | None = None
    descending: bool = False
    search: str = ""
    column: str | None = None
    condition: str = "contains"

    @property
    def is_plain(self) -> bool:
        return not self.sort and not self.search


class Found(NamedTuple):
    """Some rows of a table.

    Attributes:
        columns: The names of the columns.
        rows: Those that are wanted; a missing value is ``None``.
        total: How many there are on all pages; ``None`` while nobody has counted.
        has_more: Whether there are more behind these.
        is_cut: Whether the file has more rows or columns than the table.
        metadata_url: Where the attributes are described, if the server says so.
    """

    columns: list[str]
    rows: list[Sequence[Any]]
    total: int | None
    has_more: bool
    is_cut: bool = False
    metadata_url: str | None = None


class Table:
    """The rows of a file in a temporary database, one column for each attribute."""

    def __init__(self, entities: Iterable[Any]) -> None:
        self.used = time.monotonic()
        self.columns: list[str] = []
        self.is_cut = False
        self._lock = Lock()
        # An empty name: a file without a name, that is gone when the connection is.
        self._data = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._data.create_function("key", 1, sort_key, deterministic=True)
        self._data.create_function("has", 2, has_text, deterministic=True)
        self._data.execute(f"PRAGMA max_page_count = {MAX_PAGES}")
        self._data.execute("PRAGMA journal_mode = OFF")
        self._data.execute("CREATE TABLE entities (id INTEGER PRIMARY KEY)")
        self._counts: dict[Any, int] = {}
        self._fill(iter(entities))

    def _fill(self, entities: Iterator[Any]) -> None:
        count = 0
        self._data.execute("BEGIN")
        while batch := list(islice(entities, BATCH)):
            self._add_columns(batch)
            values = values_of(batch, self.columns)
            names = ", ".join(["id", *(f"c{n}" for n in range(len(self.columns)))])
            marks = ", ".join(["NULL", *"?" * len(self.columns)])
            self._data.executemany(
                f"INSERT INTO entities ({names}) VALUES ({marks})", values
            )
            count += len(batch)
            if count >= MAX_ROWS:
                self.is_cut = next(entities, None) is not None
                break
        self._data.execute("COMMIT")

    def _add_columns(self, batch: list[Any]) -> None:
        """Add a column for each attribute that comes for the first time."""
        known = set(self.columns)
        for name in names_of(batch):
            if name in known:
                continue
            if len(self.columns) == MAX_COLUMNS:
                self.is_cut = True
                return
            self._data.execute(f"ALTER TABLE entities ADD COLUMN c{len(self.columns)}")
            self.columns.append(name)

    def find(self, query: Query, first: int, count: int) -> Found:
        """Return some rows that a query finds.

        Raises:
            ValueError: it names an attribute that no entity has.
        """
        where, values = self._condition(query)
        order = self._order(query)
        with self._lock:
            if query.sort:  # made once; then each page is found at once
                name = self._column(query.sort)
                self._data.execute(
                    f"CREATE INDEX IF NOT EXISTS by_{name} ON entities (key({name}))"
                )
            counted = (where, tuple(values))
            if counted not in self._counts:
                found = self._data.execute(
                    f"SELECT count(*) FROM entities {where}", values
                )
                self._counts[counted] = found.fetchone()[0]
            # ids are in the index: it is not the rows that are skipped
            chosen = self._data.execute(
                f"SELECT id FROM entities {where} {order} LIMIT ? OFFSET ?",
                [*values, count, first],
            ).fetchall()
            rows = [
                self._data.execute("SELECT * FROM entities WHERE id = ?", each).fetchone()
                for each in chosen
            ]
        total = self._counts[counted]
        return Found(
            self.columns,
            [row[1:] for row in rows],
            total,
            first + count < total,
            self.is_cut,
        )

    def _column(self, name: str) -> str:
        if name not in self.columns:
            raise ValueError(
                f"No entity has the attribute {name!r}; there are: {', '.join(self.columns)}."
            )
        return f"c{self.columns.index(name)}"

    def _order(self, query: Query) -> str:
        if not query.sort:
            return "ORDER BY id"
        direction = "DESC" if query.descending else "ASC"
        return f"ORDER BY key({self._column(query.sort)}) {direction} NULLS LAST, id"

    def _condition(self, query: Query) -> tuple[str, list[Any]]:
        if not query.search:
            return "", []
        if query.condition == "contains":
            names = (
                [self._column(query.column)]
                if query.column
                else [f"c{number}" for number in range(len(self.columns))]
            )
            test, text = "has({}, ?)", query.search.casefold()
            if query.search.isascii() and len(text) <= MAX_PATTERN:  # faster
                escaped = "".join(f"\\{c}" if c in "\\%_" else c for c in text)
                test, text = "{} LIKE ? ESCAPE '\\'", f"%{escaped}%"
            tests = " OR ".join(map(test.format, names))
            return f"WHERE {tests or '0'}", [text] * len(names)
        if not query.column:
            raise ValueError(f"Choose the column for {query.condition!r}.")
        name, value = self._column(query.column), sort_key(query.search)
        sign = COMPARED[query.condition]
        test = f"key({name}) {sign} ? AND typeof(key({name})) = typeof(?)"
        return f"WHERE {test}", [value, value]


def as_mapping(entity: Any) -> dict[str, Any]:
    if not isinstance(entity, dict):
        raise ValueError("Not every entity is an object.")
    return entity


def names_of(batch: list[Any]) -> list[str]:
    """Return the attributes of entities: dictionaries, or tuples of one class."""
    if isinstance(batch[0], tuple):
        return list(batch[0].entity_attributes)
    names = chain.from_iterable(map(as_mapping, batch))
    return list(dict.fromkeys(map(str, names)))


def values_of(batch: list[Any], columns: list[str]) -> list[list[Any]]:
    """Return the values of entities in some columns, the first ones if they are tuples."""
    if isinstance(batch[0], tuple):
        return [[each or None for each in row[: len(columns)]] for row in batch]
    return [[cell(row.get(name)) for name in columns] for row in batch]


def cell(value: Any) -> Any:
    """Return a value as the database holds it: a number or a text."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, float) or type(value) is int and abs(value) < 2**63:
        return value
    return encodable(json.dumps(value, ensure_ascii=False, default=str))


def has_text(value: Any, folded: str) -> bool:
    """Whether a text is in a value; upper and lower case are the same."""
    return value is not None and folded in str(value).casefold()


def sort_key(value: Any) -> Any:
    """Return what a value is sorted by: numbers as such, before texts in any case."""
    if is_missing(value):
        return None
    number = number_of(value)
    return str(value).casefold() if number is None else number


_TABLES: OrderedDict[Any, Table] = OrderedDict()
_BUILDING = Lock()


def find(task: Task, url: str, query: Query, first: int, count: int) -> Found:
    """Return some rows of a file; the first ones are read without reading all of it.

    Raises:
        ValueError: the query names an attribute that no entity has.
        EntityError: the file cannot be read.
        requests.RequestException: it cannot be fetched.
    """
    with open_url(url, stream=True) as response:
        metadata_url = retrieve_attribute_metadata_url(response)
        key = version_of(response)
        table = _TABLES.get(key)
        if table is None and query.is_plain and first + count <= STREAMED_ROWS:
            return streamed(response, first, count)._replace(metadata_url=metadata_url)
        if table is None:
            with _BUILDING, readable_errors(key):
                table = _TABLES.get(key)
                if table is None:
                    forget_old()
                    entities = load_entities(response, get_mimetype(response))
                    table = Table(task.track(entities, unit="entities"))
                    _TABLES[key] = table
    table.used = time.monotonic()
    with readable_errors(key):
        return table.find(query, first, count)._replace(metadata_url=metadata_url)


@contextmanager
def readable_errors(key: Any) -> Iterator[None]:
    """Say what keeps SQLite from its work; the table may be broken then, and is forgotten."""
    try:
        yield
    except sqlite3.Error as error:
        _TABLES.pop(key, None)
        raise ValueError(
            f"The file is too large to be sorted or searched here: {error}."
        ) from error


def version_of(response: Response) -> Any:
    """Return what identifies the content of a file without reading it, so far as servers tell."""
    told = [response.headers.get(each) for each in ("ETag", "Last-Modified")]
    # Who tells nothing may have changed the file: then a table is good for a minute.
    return (response.url, *told, None if any(told) else time.time() // 60)


def forget_old() -> None:
    """Make room for one more table, and remove those that nobody has used for a while."""
    now = time.monotonic()
    in_order = sorted(_TABLES, key=lambda key: -_TABLES[key].used)
    for place, key in enumerate(in_order):
        if place >= KEPT_TABLES - 1 or now - _TABLES[key].used > KEPT_SECONDS:
            del _TABLES[key]


def streamed(response: Response, first: int, count: int) -> Found:
    """Read rows from the beginning of a file."""
    entities = load_entities(response, get_mimetype(response))
    read = list(islice(entities, first + count + 1))
    if not read:
        return Found([], [], 0, False)
    columns = names_of(read)
    wanted = read[first : first + count]
    rows = values_of(wanted, columns[:MAX_COLUMNS]) if wanted else []
    has_more = len(read) > first + count
    return Found(
        columns[:MAX_COLUMNS],
        rows,
        None if has_more else len(read),
        has_more,
        len(columns) > MAX_COLUMNS,
    )
