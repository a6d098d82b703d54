"""Limits of what a request may send, checked before anything parses it."""

import re
import sys
from json import detect_encoding
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from flask import Flask, request
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"

MAX_SPOOLED = 500 * 1024
"""Bytes of an uploaded file that are held in memory, as Werkzeug does; a longer one goes to the disk."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*+(?:"|\\?\Z)|[][{}]', re.DOTALL)
"""A string, even one that is cut off, or a bracket: each character is looked at once."""

_DIGITS = sys.int_info.default_max_str_digits
"""Python parses no longer integers."""

_LONG_NUMBER = re.compile(rf"(?<![0-9])[0-9]{{{_DIGITS}}}")

_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def register_inputs(app: Flask) -> None:
    """Check the bodies of all requests of an app, those to plugins included."""

    @app.before_request
    def check_body() -> None:
        """Refuse a body by its announced length, and one that parsers cannot stand."""
        environ = request.environ
        if not (environ.get("CONTENT_LENGTH") or environ.get("CONTENT_TYPE")):
            return
        if (request.content_length or 0) > (request.max_content_length or float("inf")):
            raise RequestEntityTooLarge()
        if request.routing_exception is not None:
            return  # nothing will read it
        if request.is_json:
            _limit_body(app.config["MAX_JSON_SIZE"])
            _check_json(request.get_data(), app.config["MAX_JSON_DEPTH"])
        elif request.mimetype == FORM:
            # Werkzeug reads such a form as a whole, and counts nothing.
            _limit_body(app.config["MAX_FORM_MEMORY_SIZE"])
            if request.get_data().count(b"&") >= app.config["MAX_FORM_PARTS"]:
                raise RequestEntityTooLarge()
        elif request.mimetype == MULTIPART:
            request.form_data_parser_class = FormParser


class _Meter:
    """Reads a form, and counts what of it went to no file.

    Attributes:
        taken: bytes of text, with what waits to be parsed.
    """

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._most, self.taken = stream, most, 0

    def read(self, size: int) -> bytes:
        if self.taken > self._most + 2 * size:
            raise RequestEntityTooLarge()
        data = self._stream.read(size)
        self.taken += len(data)
        return data


class _CountedFile(SpooledTemporaryFile[bytes]):
    meter: _Meter

    def write(self, data: Any) -> int:
        self.meter.taken -= len(data)
        return super().write(data)


class FormParser(FormDataParser):
    """Limits what all text fields of a multipart form take, where Werkzeug limits each one."""

    def parse(self, stream: IO[bytes], *args: Any, **options: Any) -> Any:
        """Parse a form; see :meth:`werkzeug.formparser.FormDataParser.parse`."""
        meter = _Meter(stream, self.max_form_memory_size or sys.maxsize)

        def make_file(*_facts: Any, **_more: Any) -> IO[bytes]:
            file = _CountedFile(MAX_SPOOLED, mode="rb+")
            file.meter = meter
            return cast(IO[bytes], file)

        self.stream_factory = make_file
        return super().parse(cast(IO[bytes], meter), *args, **options)


def _limit_body(most: int) -> None:
    """Lower the limit of the body of this request."""
    request.max_content_length = min(most, request.max_content_length or most)


def _check_json(body: bytes, most: int) -> None:
    """End the request with 400 when its JSON is nested too deeply, or has endless numbers."""
    is_flat = body.count(b"[") + body.count(b"{") <= most
    if is_flat and len(body) < _DIGITS:
        return
    text = body.decode(detect_encoding(body), "replace")
    if _LONG_NUMBER.search(text):
        request.get_json()  # 400 where Python refuses it; the parser of views makes 500
    if is_flat:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += _STEPS.get(token[0], 0)
        if depth > most:
            raise BadRequest(
                _("The JSON has more than %(most)s levels (MAX_JSON_DEPTH).", most=most)
            )
