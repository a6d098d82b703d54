"""Reading and writing entity files, one entity at a time.

Entities travel as ``application/json`` (a list of objects, or one object),
``application/X-lines+json`` (one object a line) or ``text/csv``.  However large a file
is, only a few entities of it are in memory at once, when the response was opened with
``stream=True``:

>>> from qhana_plugin_runner.requests import get_mimetype, open_url
>>> with open_url("data:text/csv,ID,name%0A1,Ada%0A2,Grace", stream=True) as response:
...     for entity in load_entities(response, get_mimetype(response)):
...         print(entity.ID, entity.name)
1 Ada
2 Grace
"""

from json import JSONDecodeError
from typing import Any, Callable, Iterable, Iterator, Sequence, TextIO

from requests import Response

from qhana_plugin_runner.plugin_utils._entities import (
    ArrayEntity,
    EntityTupleMixin,
    array_to_entity,
    ensure_array,
    ensure_dict,
    ensure_tuple,
    entity_attribute_sort_key,
    expect_attributes,
    get_entity_tuple_class,
)
from qhana_plugin_runner.plugin_utils._entity_csv import (
    CsvDialect,
    DefaultDialect,
    read_csv,
    write_csv,
)
from qhana_plugin_runner.plugin_utils._entity_errors import (
    EntityEncodingError,
    EntityError,
    EntityJsonError,
    EntityMimetypeError,
    EntityRowError,
    EntitySyntaxError,
)
from qhana_plugin_runner.plugin_utils._entity_json import (
    TOO_DEEP,
    json_items,
    read_json,
    read_json_lines,
    write_json,
    write_json_lines,
)
from qhana_plugin_runner.plugin_utils._entity_parquet import read_parquet
from qhana_plugin_runner.plugin_utils._entity_text import (
    ResponseLike,
    iter_text_lines,
    open_text,
)
from qhana_plugin_runner.requests import body_stream, display_url, typed_as
from qhana_plugin_runner.util.content_types import PARQUET, charset_of, media_type

__all__ = [
    "ArrayEntity",
    "DefaultDialect",
    "EntityEncodingError",
    "EntityError",
    "EntityJsonError",
    "EntityMimetypeError",
    "EntityRowError",
    "EntitySyntaxError",
    "EntityTupleMixin",
    "ResponseLike",
    "array_to_entity",
    "ensure_array",
    "ensure_dict",
    "ensure_tuple",
    "entity_attribute_sort_key",
    "expect_attributes",
    "get_entity_tuple_class",
    "load_entities",
    "save_entities",
]

ProcessHeader = bool | Callable[[list[str]], Sequence[str]] | None

JSON = "application/json"
JSON_LINES = "application/x-lines+json"
CSV = "text/csv"


def _parse_mimetype(mimetype: str | None) -> tuple[str, str | None]:
    """Split a mime type with any parameters into its type, in lower case, and charset."""
    kind = media_type(mimetype)
    if kind not in (JSON, JSON_LINES, CSV):
        raise EntityMimetypeError(
            f"Entities cannot be read or written as {mimetype!r}: use 'application/json',"
            " 'application/X-lines+json' or 'text/csv'."
        )
    return kind, charset_of(mimetype)


def load_entities(
    file_: ResponseLike,
    mimetype: str | None,
    csv_dialect: CsvDialect = "default",
    tuple_: Callable[..., Any] | None = None,
    process_csv_header: ProcessHeader = True,
) -> Iterator[Any]:
    """Read entities one after the other.

    Args:
        file_: a response, or anything with its methods ``json`` and ``iter_lines``.
        mimetype: the mime type of the content, in any letter case, with any parameters
            and under any of its usual names.  Where it says nothing (``None``,
            ``text/plain``), the name of the response's file counts.  A charset named
            there precedes the one that the response declares; without one the content is
            UTF-8.
        csv_dialect: a CSV dialect or its name.
        tuple_: a class of named tuples, or a function of one row, that makes the entities
            of a CSV file, whose columns are taken by position; by default a class made
            from the header, see :func:`get_entity_tuple_class`.
        process_csv_header: a function of the names in the first row of a CSV file, which
            returns the names to use (it is called for a file without entities, too).
            ``False``: the first row is an entity already, and entities are plain tuples
            unless ``tuple_`` is given.

    Returns:
        an iterator over dictionaries for JSON and Parquet (``application/vnd.apache.parquet``,
        where pyarrow is), and over named tuples for CSV; an empty file holds no entities.

    Raises:
        EntityMimetypeError: entities do not come in this mime type; like all others when
            the first entity is asked for, or later.
        EntityEncodingError: the content is not in its charset, or the charset is unknown.
        EntityRowError: a CSV row is longer or shorter than the header, and the class of the
            entities does not take it.
        EntitySyntaxError: the content is broken or cut off; the text says where, and of
            which URL.  For JSON it is an :class:`EntityJsonError`, which is also a
            :class:`json.JSONDecodeError`.
        requests.exceptions.RequestException: the connection broke.
    """
    if isinstance(file_, Response):
        mimetype = typed_as(file_, mimetype) or mimetype
    kind, charset = (
        (PARQUET, None) if media_type(mimetype) == PARQUET else _parse_mimetype(mimetype)
    )
    if process_csv_header is None:
        process_csv_header = True
    try:
        yield from _read(file_, kind, charset, csv_dialect, tuple_, process_csv_header)
    except EntityError as error:
        if isinstance(file_, Response) and file_.url:
            # a task may read several files: only here it is known which one it was
            error.args = (f"{error} The file is {display_url(file_.url)!r}.",)
        raise


def _read(
    file_: ResponseLike,
    kind: str,
    charset: str | None,
    csv_dialect: CsvDialect,
    tuple_: Callable[..., Any] | None,
    process_header: bool | Callable[[list[str]], Sequence[str]],
) -> Iterator[Any]:
    if kind == PARQUET:
        if not isinstance(file_, Response):
            raise EntityMimetypeError("Parquet is read from responses only.")
        return read_parquet(body_stream(file_))
    if isinstance(file_, Response):
        text = open_text(file_, charset, is_json=kind != CSV)
        if kind == JSON:
            return read_json(text)
        lines: Iterable[str] = text
    else:
        if kind == JSON:
            return json_items(_parsed(file_))
        lines = iter_text_lines(file_)
    if kind == JSON_LINES:
        return read_json_lines(lines)
    return read_csv(lines, csv_dialect, tuple_, process_header)


def _parsed(double: ResponseLike) -> Any:
    """The JSON document of something like a response."""
    try:
        return double.json()
    except RecursionError as error:
        raise EntityJsonError(f"Broken JSON: {TOO_DEEP}.") from error
    except ValueError as error:
        doc = getattr(error, "doc", "")
        if isinstance(error, JSONDecodeError) and not doc.strip():
            return []
        place = getattr(error, "pos", 0)
        raise EntityJsonError(f"Broken JSON: {error}.", doc, place) from error


def save_entities(
    entities: Iterable[Any],
    file_: TextIO,
    mimetype: str,
    attributes: Sequence[str] | None = None,
    csv_dialect: CsvDialect = "default",
    tuple_: Callable[..., Any] | None = None,
) -> None:
    """Write entities one after the other.

    >>> from io import StringIO
    >>> file = StringIO(newline="")
    >>> save_entities([{"ID": "1", "name": "Ada"}], file, "text/csv", ["ID", "name"])
    >>> file.getvalue()
    '"ID","name"\\r\\n"1","Ada"\\r\\n'

    Args:
        entities: dictionaries, named tuples, or tuples with their values in the order of
            ``attributes``.
        file_: a file that is open for writing text.
        mimetype: as for :func:`load_entities`; encoding the text is up to the file.
        attributes: the columns of a CSV file in their order: an attribute that an entity
            lacks stays empty, one that is not listed is left out.  For JSON the names of
            the values of plain tuples.
        csv_dialect: a CSV dialect or its name.
        tuple_: a class of named tuples; its ``entity_attributes`` are the default for
            ``attributes``.  Any other function is called with the attributes of each
            dictionary as keywords and makes a row.

    Numbers that JSON does not have (``nan``, ``inf``) become ``null`` in JSON.

    Raises:
        EntityMimetypeError: entities do not go into this mime type.
        EntityError: the attributes are missing, an entity of a class that was made for
            other attributes has more or fewer values than there are, or a value cannot be
            written as JSON, or has no name there.
    """
    kind, _charset = _parse_mimetype(mimetype)
    if attributes is None and tuple_ is not None:
        attributes = getattr(
            tuple_, "entity_attributes", getattr(tuple_, "_fields", None)
        )
    if tuple_ is not None:
        entities = ensure_tuple(entities, tuple_)
    if kind == CSV:
        if attributes is None:
            raise EntityError(
                "A CSV file needs to know its columns: pass attributes=[...] to"
                " save_entities."
            )
        write_csv(_as_rows(entities, attributes), attributes, file_, csv_dialect)
    else:
        write = write_json if kind == JSON else write_json_lines
        write(_as_objects(entities, attributes), file_)


def _as_rows(
    entities: Iterable[Any], attributes: Sequence[str]
) -> Iterator[Iterable[Any]]:
    columns = tuple(attributes)
    known = set(columns)
    for number, entity in enumerate(entities, start=1):
        if not isinstance(entity, (dict, list, tuple)) and hasattr(entity, "_asdict"):
            entity = entity._asdict()
        if isinstance(entity, dict):
            yield [entity.get(name, "") for name in columns]
            continue
        names = getattr(entity, "entity_attributes", getattr(entity, "_fields", columns))
        if tuple(names) != columns and known.issubset(names):
            yield [entity[names.index(name)] for name in columns]
        elif isinstance(entity, EntityTupleMixin):
            yield _checked_row(entity, number, columns)
        else:
            yield entity


def _checked_row(entity: Any, number: int, columns: Sequence[str]) -> Sequence[Any]:
    row = tuple(entity)
    if len(row) != len(columns):
        raise EntityError(
            f"Entity {number} has {len(row)} values, but there are {len(columns)}"
            f" attributes ({', '.join(columns)})."
        )
    return row


def _as_objects(
    entities: Iterable[Any], attributes: Sequence[str] | None
) -> Iterator[dict[str, Any]]:
    for number, entity in enumerate(entities, start=1):
        named = isinstance(entity, (dict, EntityTupleMixin)) or hasattr(entity, "_asdict")
        if named or attributes is None:
            yield from ensure_dict([entity])
        else:
            yield dict(zip(attributes, _checked_row(entity, number, attributes)))
