"""What a response tells about its file: the name and the mime type."""

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from requests import Response
from werkzeug.http import parse_options_header
from werkzeug.utils import secure_filename

from ..util.content_types import content_type_of, guess_type, safe_name


def typed_as(response: Response, declared: str | None) -> str | None:
    """Tell the mime type of a response that somebody declares to be of some type.

    Args:
        response: any response.
        declared: a mime type, or ``None``.

    Returns:
        see :func:`qhana_plugin_runner.util.content_types.content_type_of`; the names are
        that in the ``Content-Disposition`` header, and the last part of the URL's path.
    """
    encoding = response.headers.get("Content-Encoding", "identity")
    names = _disposition_name(response), _url_name(response)
    is_decoded = encoding.strip().lower() not in ("", "identity")
    return content_type_of(declared, *names, is_decoded=is_decoded)


_PARAMETER = re.compile(
    r"""(;\s*([^\s;="]+)\s*=\s*(?:"(?:[^"\\]|\\.)*+"?|[^;"]*))""", re.DOTALL
)
"""A parameter of a header, quoted or not. Linear: what a quote opens is not looked at again."""


def _disposition_name(response: Response) -> str:
    """The file name in the ``Content-Disposition`` header, or an empty string."""
    header = response.headers.get("Content-Disposition", "")
    parameters = {name.lower(): "x" + it for it, name in _PARAMETER.findall(header)}
    # RFC 6266, 4.3: the extended parameter wins, wherever it stands
    extended = parameters.get("filename*", "")
    name = parse_options_header(extended or header)[1].get("filename", "")
    if not extended:
        try:  # bytes are read as latin-1, but servers write UTF-8 that is not announced
            name = name.encode("latin-1").decode("utf-8")
        except UnicodeError:
            pass
    # RFC 6266, 4.3: folders in a name are not to be trusted
    return _last_part(name.replace("\\", "/"))


def _last_part(path: str) -> str:
    name = PurePosixPath(path).name
    return "" if name == ".." else name


def raw_name(response: Response) -> str:
    """The name that a response gives its file, as it comes, with its ending."""
    return _disposition_name(response) or _url_name(response)


def _url_name(response: Response) -> str:
    """The last part of a URL's path."""
    url = response.url or ""
    if url.lower().startswith("data:"):
        return "data"
    return _last_part(unquote(urlsplit(url).path))


def secured_name(name: str) -> str:
    """Make a name safe to use in a folder, in ASCII where that keeps its ending."""
    plain = secure_filename(name)
    return plain if guess_type(plain) == guess_type(name) and plain else safe_name(name)


def full_name(response: Response) -> str:
    """Tell the name of a file, with its ending, safe to use in a folder; empty when it has none.

    >>> from qhana_plugin_runner.requests import open_url
    >>> with open_url("data:text/csv,x") as response:
    ...     full_name(response)
    'data'
    """
    name = raw_name(response)
    return safe_name(name) if name else ""
