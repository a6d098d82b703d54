"""The text of an entity file: decoded while it is read, from whatever a plugin hands
over."""

import codecs
from io import BufferedReader, TextIOWrapper
from itertools import chain
from json import detect_encoding
from typing import Any, Iterator, Protocol, TextIO, runtime_checkable

from requests import Response
from requests.utils import get_encoding_from_headers

from qhana_plugin_runner.plugin_utils._entity_errors import EntityEncodingError
from qhana_plugin_runner.requests import body_stream
from qhana_plugin_runner.util.content_types import charset_of

# what `detect_encoding` tells by a byte order mark alone
_MARKED = ("utf-8-sig", "utf-16", "utf-32")

_LINE_ENDS = ("\n", "\r")

# what str.splitlines takes for line ends, too
_OTHER_ENDS = tuple("\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")


@runtime_checkable
class ResponseLike(Protocol):
    """The part of :class:`requests.Response` that an object needs to be read as entities.

    Test doubles of plugins have just these two methods.  A real response is read
    differently, see :func:`open_text`.
    """

    def iter_lines(
        self,
        chunk_size: int = 512,
        decode_unicode: bool = False,
        delimiter: Any = None,
    ) -> Iterator[Any]:
        """Iterate over the lines, without their ends.

        Args:
            chunk_size: bytes to read at once.
            decode_unicode: yield text; entities are always read so.
            delimiter: what ends a line in place of any line end.
        """

    def json(self, **kwargs: Any) -> Any:
        """Parse the whole content as JSON."""


def open_text(response: Response, charset: str | None, is_json: bool) -> TextIO:
    """Open the body of a response as text with its line ends as they are.

    The charset is that of a byte order mark, else ``charset``, else what the response
    declares (``response.encoding`` when a plugin has set it), else UTF-8, or for JSON the
    kind of Unicode that its first characters show.

    Args:
        response: a response; only as much of it is held in memory as is needed.
        charset: a charset that the caller knows, or ``None``.
        is_json: the text is JSON (RFC 8259 allows Unicode only).

    Raises:
        EntityEncodingError: the charset is unknown.
    """
    return decoded(body_stream(response), charset or _declared_charset(response), is_json)


def decoded(
    stream: "BufferedReader[Any]",
    charset: str | None,
    is_json: bool,
    errors: str = "strict",
) -> TextIOWrapper:
    """Open a binary file as text with its line ends as they are.

    Args:
        stream: the file, at its start.
        charset: the one that is declared for it, if any; see :func:`open_text`.
        is_json: the text is JSON.
        errors: how to handle bytes that the charset does not have.

    Raises:
        EntityEncodingError: the charset is unknown.
    """
    seen = detect_encoding(stream.peek(4)[:4])
    if seen in _MARKED:
        return TextIOWrapper(stream, seen, errors, newline="")
    encoding = charset or (seen if is_json else "utf-8")
    try:
        name = codecs.lookup(encoding).name
        if name in ("utf-16", "utf-32"):
            # Python wants a mark; without one it is little endian, unless it shows
            encoding = seen if seen.startswith(name) else f"{name}-le"
        # Python has some charsets that cannot be read
        codecs.getincrementaldecoder(encoding)(errors).decode(b"")
        return TextIOWrapper(stream, encoding, errors, newline="")
    except (LookupError, UnicodeError) as error:
        raise EntityEncodingError(
            f"The entity file declares the charset {encoding!r:.99}, which is unknown; save it as"
            " UTF-8."
        ) from error


def _declared_charset(response: Response) -> str | None:
    # requests assumes ISO-8859-1 for text without charset: that is nobody's declaration
    if response.encoding != get_encoding_from_headers(response.headers):
        return response.encoding
    return charset_of(response.headers.get("Content-Type"))


def iter_text_lines(double: ResponseLike) -> Iterator[str]:
    """Iterate over the lines of something like a response, with their ends put back.

    A double may keep the ends. When it finds its lines with :meth:`str.splitlines`, they
    end at more characters than lines do; such parts are put together again.
    """
    lines = _decoded_lines(double)
    head: list[str] = []
    for line in lines:
        head.append(line)
        if not line.endswith(_OTHER_ENDS):
            break
    # a kept end of another kind says nothing: the line may go on behind it
    keeps_ends = bool(head) and head[-1].endswith(_LINE_ENDS)
    begun = ""
    for line in chain(head, lines):
        begun += line if keeps_ends else line + "\n"
        if begun.endswith(_LINE_ENDS):
            yield begun
            begun = ""
    if begun:
        yield begun


def _decoded_lines(double: ResponseLike) -> Iterator[str]:
    mark = "\ufeff"
    for line in double.iter_lines(decode_unicode=True):
        text = line.decode("utf-8") if isinstance(line, bytes) else line
        yield text.removeprefix(mark)
        mark = ""


def undecodable(error: UnicodeError, place: str) -> EntityEncodingError:
    """Explain a byte that its charset does not have.

    Args:
        error: what the decoder said.
        place: where that was, e.g. ``"after line 7"``.
    """
    if not isinstance(error, UnicodeDecodeError):
        return EntityEncodingError(
            f"The entity file is not in the charset that it declares: {error} ({place});"
            " save it as UTF-8."
        )
    byte = error.object[error.start]
    return EntityEncodingError(
        f"The entity file is not {error.encoding}: byte 0x{byte:02x} {place} "
        f"({error.reason}); save it as UTF-8 or declare its charset in the content type."
    )
