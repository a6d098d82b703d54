"""How values that a function returns become files."""

import json
import mimetypes
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO, StringIO
from itertools import chain
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

from ..plugin_utils.entity_marshalling import EntityError, save_entities
from ..util import strict_json
from ..util.content_types import (
    ANYTHING,
    CSV,
    JSON,
    JSON_LINES,
    QASM,
    guess_type,
    media_type,
)
from .errors import OutputError
from .tables import plain, plain_rows, write_table

_ENTITY_FILES = {media_type(each) for each in (CSV, JSON, JSON_LINES)}

_PICTURES = {
    ANYTHING: "png",
    "application/pdf": "pdf",
    "application/postscript": "ps",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/tiff": "tiff",
    "image/webp": "webp",
}
"""Mime types of pictures, and what matplotlib calls them."""

_QELIB1 = "u3 u2 u1 cx id x y z h s sdg t tdg rx ry rz cz cy ch ccx crz cu1 cu3".split()
"""The gates of the file that circuits include; Qiskit writes others there, too, and does not read
them."""

_TWO_FORMS = {media_type(JSON), media_type(JSON_LINES)}

_NO_ROWS = object()

_MEMORY = 1024 * 1024
"""Bytes of a file that are kept in memory before it moves to a temporary file."""


def file_name(name: str, content_type: str) -> str:
    """Return the name of the file of an output.

    >>> file_name("clusters", "text/csv"), file_name("report.html", "text/html")
    ('clusters.csv', 'report.html')
    """
    kind = content_type.partition(";")[0].strip()
    guessed = guess_type(name)
    if kind == ANYTHING or (guessed and media_type(guessed) == media_type(kind)):
        return name
    if media_type(kind) == media_type(JSON_LINES):
        return f"{name}.jsonl"
    return name + (mimetypes.guess_extension(kind) or "")


@contextmanager
def content_of(
    value: Any, content_type: str | None, are_entities: bool = False
) -> Iterator[tuple[Any, str]]:
    """Give the content of a value as a file to be stored, and its mime type.

    Args:
        value: what the function gave.
        content_type: the mime type that is declared, if one is.
        are_entities: whether the data type wants rows.

    Raises:
        OutputError: there is no way to write such a value in this type.
    """
    value, default = _made_plain(value, content_type)
    content_type = content_type or default
    if isinstance(value, str):
        kind = media_type(content_type)
        if kind.startswith(("image/", "audio/", "video/")) and not _is_text(kind):
            raise OutputError(
                f"text cannot be {content_type}: pass bytes, or a Path to the file"
            )
        _require_json(value, content_type)
        yield value, content_type or "text/plain"
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _require_json(bytes(value), content_type)
        yield bytes(value), content_type or ANYTHING
    elif isinstance(value, Path):
        guessed = guess_type(value.name)
        _require_same(guessed, content_type)
        with value.open("rb") as file:
            yield file, content_type or guessed or ANYTHING
    elif hasattr(value, "read"):
        yield value, content_type or ANYTHING
    else:
        with SpooledTemporaryFile(_MEMORY, "w+", encoding="utf-8", newline="") as text:
            _write(value, text, content_type or JSON, are_entities)
            yield text, content_type or JSON


def _require_json(text: str | bytes, declared: str | None) -> None:
    """Refuse a text that is not in the form that is declared, where that is JSON."""
    kind = media_type(declared)
    if not _is_json(kind):
        return
    try:
        if kind != media_type(JSON_LINES):
            json.loads(text)
            return
        # Other than `splitlines` of a text, this takes U+2028 for a part of a line.
        for line in StringIO(text) if isinstance(text, str) else text.splitlines():
            if line.strip():
                json.loads(line)
    except ValueError as error:
        raise OutputError(
            f"the text is not {declared} ({error}): pass the value itself, or declare the type "
            "of the text, such as Output(..., 'text/csv')"
        ) from error


def _require_same(guessed: str | None, declared: str | None) -> None:
    """Refuse a file whose name tells another type than is declared."""
    kinds = {media_type(guessed), media_type(declared)}
    # As in text/xml and application/x-xml; a type such as geo+json is also JSON.
    names = {each.partition("/")[2].removeprefix("x-").split("+")[-1] for each in kinds}
    is_vague = not kinds.isdisjoint({"", ANYTHING})
    is_loose = "text/plain" in kinds and all(map(_is_text, kinds))
    if not (is_vague or is_loose or len(names) == 1) or kinds == _TWO_FORMS:
        raise OutputError(
            f"the file is {guessed}, but {declared} is declared: write that, or declare "
            f"Output(..., {guessed!r})"
        )


def _is_json(kind: str) -> bool:
    return kind == media_type(JSON) or kind.endswith("+json")


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind.endswith(("json", "xml", "javascript"))


def _write(value: Any, text: Any, content_type: str, are_entities: bool) -> None:
    kind = media_type(content_type)
    try:
        if isinstance(value, Iterable) and not isinstance(value, Mapping):
            rows = _theirs(value)
            head = [each for each in (next(rows, _NO_ROWS),) if each is not _NO_ROWS]
            if kind in _ENTITY_FILES and all(map(_is_row, head)):
                columns = value.columns if isinstance(value, _Table) else []
                if kind == media_type(CSV):
                    write_table(chain(head, rows), columns, text)
                else:
                    save_entities(plain_rows(chain(head, rows)), text, content_type)
                return
            value = [*head, *rows]
        if are_entities and not isinstance(value, Mapping):
            raise OutputError(
                f"{type(value).__name__} is not a table of entities: pass rows, each of them a "
                "dictionary that maps attributes to values"
            )
        if _is_json(kind):
            text.write(strict_json.dumps(value, default=as_json))
            return
    except _Theirs as error:
        assert error.__cause__ is not None
        raise error.__cause__
    except (EntityError, TypeError) as error:
        raise OutputError(f"it cannot be written as {content_type}: {error}") from error
    raise OutputError(
        f"{type(value).__name__} cannot be written as {content_type}: pass text, bytes, a "
        "Path, rows, a figure, or a data frame"
    )


class _Theirs(Exception):
    """An error of the author, or of a file that the author reads, not of what is written."""


def _theirs(rows: Iterable[Any]) -> Iterator[Any]:
    try:
        yield from rows
    except (EntityError, TypeError) as error:
        raise _Theirs from error


def _is_row(value: Any) -> bool:
    return isinstance(value, Mapping) or hasattr(value, "_fields")


def as_json(value: Any) -> Any:
    """Return what JSON has instead of a value of numpy, pandas or the calendar.

    Raises:
        TypeError: it has none.
    """
    made = plain(value)
    if made is value and _is_row(value):
        return dict(value) if isinstance(value, Mapping) else value._asdict()
    if made is value:
        raise TypeError(f"JSON does not support {type(value).__name__}")
    return made


def _picture(figure: Any, content_type: str) -> bytes:
    """Draw a figure of matplotlib."""
    picture = _PICTURES.get(media_type(content_type))
    if picture is None:
        raise _no_figure("matplotlib", content_type, _PICTURES)
    buffer = BytesIO()
    figure.savefig(buffer, format=picture, bbox_inches="tight")
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(figure)  # it would keep all figures of the process
    return buffer.getvalue()


def _page(figure: Any, content_type: str) -> str:
    """Write a figure as a page that needs no network, or as its JSON for plotly.js."""
    kind = media_type(content_type)
    if _is_json(kind):
        return str(figure.to_json())
    if kind not in ("text/html", ANYTHING):
        raise _no_figure("plotly", content_type, ("text/html", JSON))
    return str(figure.to_html(include_plotlyjs=True))


def _qasm(circuit: Any, content_type: str) -> str:
    """Write a circuit of Qiskit in OpenQASM 2, in gates that all readers know."""
    from qiskit import QiskitError, qasm2, transpile

    if media_type(content_type) != QASM:
        raise OutputError(
            f"a Qiskit circuit cannot be written as {content_type}: declare {QASM}"
        )
    try:
        plain = transpile(circuit, basis_gates=_QELIB1, optimization_level=0)
        return str(qasm2.dumps(plain))
    except QiskitError as error:
        raise OutputError(
            f"the circuit cannot be expressed in OpenQASM 2: {error.message}"
        ) from error


def _no_figure(library: str, content_type: str, known: Iterable[str]) -> OutputError:
    return OutputError(
        f"a figure of {library} cannot be written as {content_type}: declare one of "
        f"{', '.join(known)}"
    )


class _Table:
    """The rows of a data frame.

    Attributes:
        columns: their names, which are known without any row.
    """

    def __init__(self, columns: Iterable[Any], rows: Iterator[tuple[Any, ...]]) -> None:
        self.columns = [str(each) for each in columns]
        self._rows = rows
        for name in self.columns:
            if self.columns.count(name) > 1:
                raise OutputError(
                    f"the data frame has two columns {name!r}: rename or drop one of them"
                )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(zip(self.columns, row)) for row in self._rows)


def _pandas_rows(frame: Any, _content_type: str) -> _Table:
    """Give the rows with their index, but for numbers of rows."""
    levels = [
        level
        for level, name in enumerate(frame.index.names)
        if name is not None or frame.index.get_level_values(level).dtype.kind not in "iu"
    ]
    if levels:
        frame = frame.reset_index(level=levels, allow_duplicates=True)
    return _Table(frame.columns, frame.itertuples(index=False, name=None))


_LIBRARIES: dict[tuple[str, str], tuple[str, Callable[[Any, str], Any]]] = {
    ("matplotlib", "Figure"): ("image/png", _picture),
    ("plotly", "BaseFigure"): ("text/html", _page),
    ("qhana_plugin_runner", "Figure"): ("text/html", _page),
    ("qhana_plugin_runner", "Page"): ("text/html", _page),
    ("pandas", "DataFrame"): (JSON, _pandas_rows),
    ("polars", "DataFrame"): (
        JSON,
        lambda frame, _type: _Table(frame.columns, frame.iter_rows()),
    ),
    ("qiskit", "QuantumCircuit"): (QASM, _qasm),
}
"""Package and class -> default mime type, and what makes a plain value; nothing is imported."""


def _made_plain(value: Any, content_type: str | None) -> tuple[Any, str | None]:
    for each in type(value).__mro__:
        key = (each.__module__.partition(".")[0], each.__name__)
        if key in _LIBRARIES:
            default, convert = _LIBRARIES[key]
            return convert(value, content_type or default), default
    return value, None
