"""Entities in JSON: one document, or one object a line."""

import json
from json import JSONDecodeError, JSONDecoder
from typing import Any, Iterable, Iterator, TextIO

import msgspec

from qhana_plugin_runner.plugin_utils._entity_errors import (
    EntityError,
    EntityJsonError,
    EntitySyntaxError,
)
from qhana_plugin_runner.plugin_utils._entity_text import undecodable
from qhana_plugin_runner.util import strict_json

CHUNK_SIZE = 64 * 1024
"""Characters read at once."""

TOKEN_MARGIN = 16
"""Characters at the end of the buffer where an error may come from a token that was cut
off: more than the longest one that is not a string (``-Infinity``,
``\\ud83d\\ude00``)."""

_WHITESPACE = " \t\n\r"
TOO_DEEP = "Values inside of values go too deep"
_UNTERMINATED = "Unterminated string"


class _Document:
    """A JSON text of which only the part around the current position is in memory.

    Values are parsed by the standard library's decoder, so that numbers (large integers,
    ``NaN``) come out exactly as from :func:`json.load`.  A value that reaches over the
    end of the buffer is parsed again with at least twice as much text, so that the work
    stays proportional to the length of the text.
    """

    def __init__(self, text: TextIO, chunk_size: int) -> None:
        self._text = text
        self._chunk_size = chunk_size
        self._decoder = JSONDecoder()
        self._buffer = ""
        self._position = 0
        self._dropped = 0
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is not whitespace; an empty string at the end."""
        while True:
            while self._position < len(self._buffer):
                character = self._buffer[self._position]
                if character not in _WHITESPACE:
                    return character
                self._position += 1
            if self._ended:
                return ""
            self._fill()

    def skip(self) -> None:
        """Go past the character that :meth:`peek` returned."""
        self._position += 1

    def value(self) -> Any:
        """Parse the value that starts at the current position and go past it."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._position)
            except JSONDecodeError as error:
                if self._ended or not self._may_be_cut(error):
                    raise self.error(error.msg, error.pos) from error
            except RecursionError as error:
                raise self.error(TOO_DEEP, self._position) from error
            except ValueError as error:
                raise self.error(str(error), self._position) from error
            else:
                # a number could go on behind the end of the buffer
                whole = end < len(self._buffer) - TOKEN_MARGIN
                if whole or self._ended or not isinstance(value, (int, float)):
                    self._position = end
                    return value
            self._fill()

    def error(self, reason: str, position: int | None = None) -> EntityJsonError:
        """Explain what is wrong, at a position in the buffer or at the current one."""
        if position is None:
            position = self._position
        unfinished = (
            reason.startswith(_UNTERMINATED) or not self._buffer[position:].strip()
        )
        if self._ended and unfinished:
            length = self._dropped + len(self._buffer)
            return EntityJsonError(
                f"The JSON text is cut off: it ends after {length} characters ({reason}).",
                pos=length,
            )
        place = self._dropped + position
        return EntityJsonError(f"Broken JSON at character {place}: {reason}.", pos=place)

    def _may_be_cut(self, error: JSONDecodeError) -> bool:
        near_end = error.pos >= len(self._buffer) - TOKEN_MARGIN
        return near_end or error.msg.startswith(_UNTERMINATED)

    def _fill(self) -> None:
        rest = self._buffer[self._position :]
        try:
            chunk = self._text.read(max(self._chunk_size, len(rest)))
        except UnicodeError as error:
            place = f"after character {self._dropped + len(self._buffer)}"
            raise undecodable(error, place) from error
        self._ended = not chunk
        self._dropped += self._position
        self._position = 0
        self._buffer = rest + chunk


def read_json(text: TextIO, chunk_size: int = CHUNK_SIZE) -> Iterator[Any]:
    """Parse a JSON array item by item, or one object; an empty text holds nothing.

    Args:
        text: the JSON text; besides one item of the array only ``chunk_size`` characters
            of it are held in memory.
        chunk_size: characters to read at once.

    Raises:
        EntityJsonError: the text is broken or cut off.
        EntitySyntaxError: it is neither an array nor an object.
    """
    document = _Document(text, chunk_size)
    first = document.peek()
    if not first:
        return
    if first != "[":
        yield from json_items(document.value())
        _expect_end(document)
        return
    document.skip()
    if document.peek() == "]":
        document.skip()
        _expect_end(document)
        return
    while True:
        document.peek()
        yield document.value()
        delimiter = document.peek()
        if delimiter not in ("]", ","):
            raise document.error("Expecting ',' or ']' after an item")
        document.skip()
        if delimiter == "]":
            break
    _expect_end(document)


def _expect_end(document: _Document) -> None:
    if document.peek():
        raise document.error("Extra data behind the end")


def json_items(value: Any) -> Iterator[Any]:
    """Iterate over the entities of a JSON document that is in memory.

    Raises:
        EntitySyntaxError: the document is neither a list nor an object.
    """
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield value
    else:
        raise EntitySyntaxError(
            "Entities in JSON are a list of objects or one object, but the file holds "
            f"a value of type {type(value).__name__}."
        )


def read_json_lines(lines: Iterable[str]) -> Iterator[Any]:
    """Parse one JSON value per line; blank lines are skipped.

    Raises:
        EntityJsonError: a line is not a JSON value.
    """
    decode = msgspec.json.Decoder().decode
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            try:
                entity = decode(line)
            except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
                text = line.strip(_WHITESPACE)
                if not text:
                    continue
                entity = _parse_line(text, number)
            yield entity
    except UnicodeError as error:
        raise undecodable(error, f"after line {number}") from error


def _parse_line(text: str, number: int) -> Any:
    """Parse a line by the standard library, which knows ``NaN`` and ``1e400``.

    Raises:
        EntityJsonError: the line is not a JSON value.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = TOO_DEEP if isinstance(error, RecursionError) else error
        raise EntityJsonError(
            f"Line {number} is not a JSON object: {reason}; a file of JSON lines"
            " holds one whole object per line.",
            text,
            getattr(error, "pos", 0),
        ) from error


def write_json(entities: Iterable[Any], text: TextIO) -> None:
    """Write a JSON array, an entity a line; numbers that JSON does not have are ``null``."""
    text.write("[")
    separator = "\n"
    for number, entity in enumerate(entities, start=1):
        text.write(separator + _dump(entity, number))
        separator = ",\n"
    text.write("\n]\n")


def write_json_lines(entities: Iterable[Any], text: TextIO) -> None:
    """Write one JSON object per line; numbers that JSON does not have are ``null``."""
    for number, entity in enumerate(entities, start=1):
        text.write(_dump(entity, number) + "\n")


def _dump(entity: Any, number: int) -> str:
    try:
        return strict_json.dumps(entity)
    except (TypeError, ValueError, RecursionError) as error:
        raise EntityError(
            f"Entity {number} cannot be written as JSON: {error}; serialize its"
            " attributes first."
        ) from error
