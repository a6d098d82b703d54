"""Content types and safe file names.

Senders use many names for a type: browsers send the type of the operating system, which for a CSV
file is ``application/vnd.ms-excel`` where Excel is installed; servers send ``text/plain`` for
unknown types. Uploads, entity readers, responses and previews use :func:`content_type_of`.
"""

import mimetypes
import re
import sys
import unicodedata
from functools import lru_cache

from werkzeug.http import parse_options_header

__all__ = [
    "ANYTHING",
    "CONTENT_TYPE",
    "CSV",
    "JSON",
    "JSON_LINES",
    "PARQUET",
    "QASM",
    "charset_of",
    "content_type_of",
    "guess_type",
    "media_type",
    "safe_name",
]

ANYTHING = "application/octet-stream"
"""The type of unknown content."""

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/X-lines+json"
QASM = "text/x-qasm"

PARQUET = "application/vnd.apache.parquet"
"""Entities in columns; their readers need the package pyarrow."""

CONTENT_TYPE = r"[\w.+-]+/[\w.+-]+(\s*;[ -~]*)?"
"""Pattern (ASCII) of a mime type with any parameters; ``*`` is not a type."""

_ALIASES = {
    "application/csv": CSV,
    "application/x-csv": CSV,
    "text/comma-separated-values": CSV,
    "text/x-comma-separated-values": CSV,
    "text/x-csv": CSV,
    "application/parquet": PARQUET,
    "application/x-parquet": PARQUET,
    "application/x-json": JSON,
    "text/json": JSON,
    "text/x-json": JSON,
    "application/json-lines": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/jsonlines": JSON_LINES,
    "application/ndjson": JSON_LINES,
    "application/x-json-lines": JSON_LINES,
    "application/x-jsonl": JSON_LINES,
    "application/x-jsonlines": JSON_LINES,
    "application/x-ldjson": JSON_LINES,
    "application/x-ndjson": JSON_LINES,
    "text/jsonl": JSON_LINES,
    "text/x-jsonl": JSON_LINES,
    "text/x-ndjson": JSON_LINES,
}
"""Other names of the types of entity files, in lower case."""

_VAGUE = {
    ANYTHING,
    "application/binary",
    "application/download",
    "application/force-download",
    "application/unknown",
    "application/x-download",
    "application/x-octet-stream",
    "application/x-unknown",
    "binary/octet-stream",
}
"""Types that senders declare for unknown content: the file name is more reliable."""

_LOOSE = {
    "application/vnd.ms-excel",  # what browsers call a CSV file where Excel opens it
    "text/plain",  # what servers call all that looks like text
}
"""Types that senders also declare for entities, circuits and archives, which the file name identifies. A web
page or a program that is sent as text is shown as text."""

_COMPRESSED = {"application/gzip", "application/x-gzip"}

_NAMED = {CSV, JSON, JSON_LINES, QASM, "application/zip"} | {
    f"application/{compression}" for compression in mimetypes.encodings_map.values()
}
"""Types that a file name identifies when a loose type is declared."""

MAX_NAME_LENGTH = 100
"""Characters of a file name in a store."""

MAX_SUFFIX_LENGTH = 20
"""Characters of a suffix; a longer part after the last dot is not a suffix."""

MAX_NAME_BYTES = 200
"""Bytes of a file name in a store: file systems allow 255."""

for _type, _endings in {
    CSV: [".csv"],  # the Windows registry has another type
    JSON: [".json"],
    JSON_LINES: [".jsonl", ".ndjson"],
    PARQUET: [".parquet"],
    QASM: [".qasm"],
    "application/x-skops": [".skops"],
}.items():
    for _ending in _endings:
        mimetypes.add_type(_type, _ending)

_PATTERN = re.compile(CONTENT_TYPE, re.ASCII)


def media_type(content_type: str | None) -> str:
    """Return the usual name of a mime type in lower case, without parameters.

    >>> media_type("Text/CSV; header=present"), media_type("application/x-ndjson")
    ('text/csv', 'application/x-lines+json')
    """
    given = (content_type or "").partition(";")[0].strip().lower()
    return _ALIASES.get(given, given).lower()


def charset_of(content_type: str | None) -> str | None:
    """Return the charset parameter of a mime type.

    >>> charset_of('text/csv; header=present; Charset="utf-16"')
    'utf-16'
    """
    return parse_options_header(content_type)[1].get("charset") or None


def guess_type(name: str, is_decoded: bool = False) -> str | None:
    """Guess the mime type of a file from its suffix.

    >>> guess_type("/some/данные.csv"), guess_type("entities.csv.gz")
    ('text/csv', 'application/gzip')

    Args:
        name: the name, with or without folders.
        is_decoded: the content is decompressed, so that only its inner type counts.
    """
    # A name without a slash could be mistaken for a URL.
    mimetype, compression = mimetypes.guess_type("/" + name.strip().lstrip("/"))
    if compression and not is_decoded:
        return f"application/{compression}"
    return mimetype


def content_type_of(
    declared: str | None, *names: str | None, is_decoded: bool = False
) -> str | None:
    """Return the mime type of content with its declared parameters.

    >>> content_type_of("application/vnd.ms-excel", "Book1.csv")
    'text/csv'
    >>> content_type_of("text/x-csv; charset=latin-1", "export")
    'text/csv; charset=latin-1'

    Args:
        declared: the type from the sender; ignored when it is not a mime type.
        *names: file names; the first one with a known suffix counts, but only when the sender
            does not know the type. With ``text/plain``, they identify only entities, circuits
            and archives.
        is_decoded: the content was compressed when it was sent, and is decompressed.

    Returns:
        The type, or ``None`` when it is unknown.
    """
    declared = (declared or "").strip()
    if not _PATTERN.fullmatch(declared):
        declared = ""
    kind, semicolon, parameters = declared.partition(";")
    kind = kind.strip().lower()
    if kind in _ALIASES:
        return _ALIASES[kind] + semicolon + parameters
    is_vague = not kind or kind in _VAGUE or (is_decoded and kind in _COMPRESSED)
    if is_vague or kind in _LOOSE:
        guesses = (guess_type(name or "", is_decoded) for name in names)
        guessed = next(filter(None, guesses), None)
        if guessed and (is_vague or guessed in _NAMED):
            return guessed + semicolon + parameters
    return declared or None


@lru_cache(1000)  # most parts of paths are the same, or asked for twice
def safe_name(name: str) -> str:
    """Return a name with the same suffix that is safe as a part of a path.

    Keeps letters and digits of all scripts that the file system supports.

    >>> safe_name("отчёт 2024.csv"), safe_name("???.csv"), safe_name("../..")
    ('отчёт_2024.csv', 'file.csv', 'file')
    """
    encoding = sys.getfilesystemencoding()
    text = name.encode(encoding, "ignore").decode(encoding)
    text = "_".join(re.sub(r"[/\\]", " ", text).split())
    # Marks (M) belong to letters, such as vowels in many scripts.
    kept = (c for c in text if c in "._-" or unicodedata.category(c)[0] in "LMN")
    text = unicodedata.normalize("NFC", "".join(kept)).rstrip("._")
    stem, dot, ending = text.rpartition(".")
    if not dot or len(ending) > MAX_SUFFIX_LENGTH:
        stem, dot, ending = text, "", ""
    return _end_of(stem.strip("._"), dot + ending) + dot + ending


def _end_of(stem: str, ending: str) -> str:
    """Shorten the start of a stem so that the name is not too long."""
    stem = stem[len(ending) - MAX_NAME_LENGTH :]
    kept = stem.encode()[len(ending.encode()) - MAX_NAME_BYTES :]
    return kept.decode("utf-8", "ignore").lstrip("._") or "file"
