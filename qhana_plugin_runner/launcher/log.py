"""The one log stream of the product: lines of all services, each with its tag."""

import os
from typing import TextIO

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
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._colored = stream.isatty() and not os.environ.get("NO_COLOR")

    def line(self, tag: str, text: str) -> None:
        """Write one line.

        A stream that nobody reads any more (``run | head``) does not end the product:
        further lines are dropped.
        """
        head = f"{tag:<{_TAG_WIDTH}} |"
        if self._colored:
            head = f"\033[{_COLORS.get(tag, 37)}m{head}\033[0m"
        try:
            self._stream.write(f"{head} {text}\n")
            self._stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
