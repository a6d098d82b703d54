"""The files of this runner by their URLs.

A URL is never fetched: the id and the security tag in it name the file. So any name of the host
will do, a relative URL as well, and nobody finds a file who was not told its URL.
"""

import re
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from ...api.task_status import download_url, given
from ...api.tasks import row_id
from ...db.models.tasks import TaskFile

__all__ = ["download_url", "file_facts", "find_file", "is_elsewhere", "key_of"]

_FILE_PATH = re.compile(r"/files/([0-9]{1,10})/?\Z", re.ASCII)


class _Name(NamedTuple):
    """What in a URL names a file of this runner."""

    id: int
    security_tag: str


def find_file(url: str) -> TaskFile | None:
    """Return the file with a URL, or ``None`` when it is no file of this runner."""
    name = _name_in(url)
    file = None if name is None else TaskFile.get_by_id(name.id)
    if name is None or file is None:
        return None
    known, told = file.security_tag.encode(), name.security_tag.encode("utf-8", "replace")
    return file if compare_digest(known, told) else None


def is_elsewhere(url: str) -> bool:
    """Whether a URL may be that of a file that another host has."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_web = parts.scheme in ("http", "https") and bool(parts.netloc)
    return is_web and _name_in(url) is None


def key_of(url: str) -> str:
    """Return what tells a file from all others, in at most 128 characters.

    >>> key_of("/files/7/?file-id=abc") == key_of("http://some.host/files/7/?file-id=abc")
    True
    """
    name = _name_in(url)
    if name is not None and len(name.security_tag) <= 64:
        return f"{name.id}/{name.security_tag}"
    return sha256(url.encode("utf-8", "replace")).hexdigest()


def file_facts(file: TaskFile) -> dict[str, str]:
    """Return what hosts tell micro frontends about a file."""
    return given(
        href=download_url(file),
        data_type=file.file_type,
        content_type=file.mimetype,
        filename=file.file_name,
    )


def _name_in(url: str) -> _Name | None:
    try:
        parts = urlsplit(url)
        tags = parse_qs(parts.query).get("file-id", [])
    except ValueError:
        return None
    match = _FILE_PATH.search(parts.path)
    number = row_id(match[1]) if match and parts.scheme in ("", "http", "https") else None
    return _Name(number, tags[0]) if number and tags else None
