"""The one place that tells what type some content has, and what its file may be called.

Senders name types in many ways: browsers take what the system says, which for a CSV file is
``application/vnd.ms-excel`` where Excel is installed; servers send ``text/plain`` for all they do
not know. Uploads, entity readers, responses and previews ask :func:`content_type_of`.
"""

import mimetypes
import re
import sys
import unicodedata

from werkzeug.http import parse_options_header

__all__ = [
    "ANYTHING",
    "CONTENT_TYPE",
    "CSV",
    "JSON",
    "JSON_LINES",
    "charset_of",
    "content_type_of",
    "guess_type",
    "media_type",
    "safe_name",
]

ANYTHING = "application/octet-stream"
"""The type of content of which nothing is known."""

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/X-lines+json"

CONTENT_TYPE = r"[\w.+-]+/[\w.+-]+(\s*;[ -~]*)?"
"""A mime type, with any parameters, as a pattern for ASCII rules; ``*`` stands for types, it is none.
"""

_ALIASES = {
    "application/csv": CSV,
    "application/x-csv": CSV,
    "text/comma-separated-values": CSV,
    "text/x-comma-separated-values": CSV,
    "text/x-csv": CSV,
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
"""Other names, in lower case, for the types in which entities travel."""

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
"""Types that are declared by those who do not know: the name of the file says more."""

_LOOSE = {
    "application/vnd.ms-excel",  # what browsers call a CSV file where Excel opens it
    "text/plain",  # what servers call all that looks like text
}
"""Types that are declared for what they are, and for entities and archives, too: the name of the
file tells these. A web page or a program that is sent as text is to be shown as text."""

_COMPRESSED = {"application/gzip", "application/x-gzip"}

_NAMED = {CSV, JSON, JSON_LINES, "application/zip"} | {
    f"application/{compression}" for compression in mimetypes.encodings_map.values()
}
"""Types that a name tells where a loose one is declared."""

LONGEST_NAME = 100
"""Characters of a file's name that are kept in a store."""

LONGEST_ENDING = 20
"""Characters behind the last dot of a name that may be its ending."""

LONGEST_NAME_BYTES = 200
"""The same in bytes: file systems end at 255."""

for _type, _endings in {
    CSV: [".csv"],  # the registry of Windows has another one
    JSON: [".json"],
    JSON_LINES: [".jsonl", ".ndjson"],
}.items():
    for _ending in _endings:
        mimetypes.add_type(_type, _ending)

_PATTERN = re.compile(CONTENT_TYPE, re.ASCII)


def media_type(content_type: str | None) -> str:
    """Return a mime type without its parameters, in small letters, under its usual name.

    >>> media_type("Text/CSV; header=present"), media_type("application/x-ndjson")
    ('text/csv', 'application/x-lines+json')
    """
    given = (content_type or "").partition(";")[0].strip().lower()
    return _ALIASES.get(given, given).lower()


def charset_of(content_type: str | None) -> str | None:
    """Return the charset that a mime type has as a parameter.

    >>> charset_of('text/csv; header=present; Charset="utf-16"')
    'utf-16'
    """
    return parse_options_header(content_type)[1].get("charset") or None


def guess_type(name: str, is_decoded: bool = False) -> str | None:
    """Guess the mime type of a file from the ending of its name.

    >>> guess_type("/some/данные.csv"), guess_type("entities.csv.gz")
    ('text/csv', 'application/gzip')

    Args:
        name: the name, with or without folders.
        is_decoded: the content has been decompressed, so that only its inner type counts.
    """
    # A bare name could be taken for a URL, a path could not.
    mimetype, compression = mimetypes.guess_type("/" + name.strip().lstrip("/"))
    if compression and not is_decoded:
        return f"application/{compression}"
    return mimetype


def content_type_of(
    declared: str | None, *names: str | None, is_decoded: bool = False
) -> str | None:
    """Tell the mime type of some content, with the parameters that were declared.

    >>> content_type_of("application/vnd.ms-excel", "Book1.csv")
    'text/csv'
    >>> content_type_of("text/x-csv; charset=latin-1", "export")
    'text/csv; charset=latin-1'

    Args:
        declared: what the sender says; ignored when it is not a mime type.
        *names: what the file is called; the first one whose ending says something counts, and
            only when the sender says nothing or does not know. Where it says ``text/plain``, they
            tell entities and archives only.
        is_decoded: the content was compressed when it was sent, and is not any more.

    Returns:
        the type; ``None`` when nothing is known.
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


def safe_name(name: str) -> str:
    """Return a name that is harmless as a part of a path, with the ending of the one given.

    Letters and digits of all scripts are kept, as far as the file system can write them.

    >>> safe_name("отчёт 2024.csv"), safe_name("???.csv"), safe_name("../..")
    ('отчёт_2024.csv', 'file.csv', 'file')
    """
    encoding = sys.getfilesystemencoding()
    text = name.encode(encoding, "ignore").decode(encoding)
    text = "_".join(re.sub(r"[/\\]", " ", text).split())
    # Marks (M) belong to letters: vowels of many scripts.
    kept = (c for c in text if c in "._-" or unicodedata.category(c)[0] in "LMN")
    text = unicodedata.normalize("NFC", "".join(kept)).rstrip("._")
    stem, dot, ending = text.rpartition(".")
    if not dot or len(ending) > LONGEST_ENDING:
        stem, dot, ending = text, "", ""
    return _end_of(stem.strip("._"), dot + ending) + dot + ending


def _end_of(stem: str, ending: str) -> str:
    """Cut the start of a stem, so that it and an ending are not too long."""
    stem = stem[len(ending) - LONGEST_NAME :]
    kept = stem.encode()[len(ending.encode()) - LONGEST_NAME_BYTES :]
    return kept.decode("utf-8", "ignore").lstrip("._") or "file"
