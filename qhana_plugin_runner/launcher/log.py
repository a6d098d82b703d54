"""The one log stream of the product: lines of all services, each with its tag."""

import io
import os
import time
from typing import TextIO

from ..util.json_lines import as_record, json_line, rfc3339

# As wide as the longest tag, so that the text of all lines is aligned.
_TAG_WIDTH = 11

# Those of the basic terminal colors that can be read on dark and light backgrounds.
_COLORS = {
    "broker": 35,
    "db": 33,
    "maintenance": 31,
    "worker": 32,
    "web": 36,
    "run": 34,
}


class Log:
    """Writes tagged lines to a stream.

    Args:
        stream: receives the lines; tags are colored when it is a terminal and the
            environment variable ``NO_COLOR`` is not set
        in_json: write objects of JSON, with the tag as ``service``; lines that are records of
            the runner keep their fields, of others an object is made
    """

    def __init__(self, stream: TextIO, in_json: bool = False) -> None:
        self._stream, self._in_json = stream, in_json
        if isinstance(stream, io.TextIOWrapper):
            # A letter that the encoding of the locale does not have must not end the product.
            encoding = "utf-8" if in_json else stream.encoding
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
        self._colored = stream.isatty() and not os.environ.get("NO_COLOR")

    def line(self, tag: str, text: str) -> None:
        """Write one line.

        A stream that nobody reads any more (``run | head``) does not end the product:
        further lines are dropped.
        """
        if self._in_json:
            if text := text.strip():
                self._write(_json(tag, text))
            return
        head = f"{tag:<{_TAG_WIDTH}} |"
        if self._colored:
            head = f"\033[{_COLORS.get(tag, 37)}m{head}\033[0m"
        self._write(f"{head} {text}")

    def _write(self, line: str) -> None:
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def _json(tag: str, text: str) -> str:
    record = as_record(text)
    if record is None:
        now = rfc3339(time.time())
        record = {"timestamp": now, "level": "INFO", "message": text}
    return json_line({**record, "service": tag})
