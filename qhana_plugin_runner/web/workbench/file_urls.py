"""The files of this runner by their URLs.

A URL is never fetched: the id and the security tag in it name the file. So the host name in it does
not matter, relative URLs work, and only those who were given its URL find a file.
"""

import re
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import url_for

from ...api.files import has_tag
from ...api.task_status import download_url, given
from ...api.tasks import row_id
from ...db.models.tasks import TaskFile

_FILE_PATH = re.compile(r"/files/([0-9]{1,10})/?\Z", re.ASCII)


def find_file(url: str) -> TaskFile | None:
    """Return the file with a URL, or ``None`` when it is not a file of this runner."""
    number, tag = _name_in(url) or (0, "")
    file = TaskFile.get_by_id(number) if number else None
    return file if file and has_tag(file, tag) else None


def file_page_url(file: Any) -> str:
    """Return the URL of the page about a file, a model or a row with its columns."""
    tag = {"file-id": file.security_tag}
    return url_for("workbench.file_page", file_id=file.id, **tag)


def is_foreign(url: str) -> bool:
    """Whether a URL may be that of a file on another host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_web = parts.scheme in ("http", "https") and bool(parts.netloc)
    return is_web and _name_in(url) is None


def file_key(url: str) -> str:
    """Return a key of a file, the same for all of its URLs, of at most 128 characters.

    >>> file_key("/files/7/?file-id=abc") == file_key("http://some.host/files/7/?file-id=abc")
    True
    """
    number, tag = _name_in(url) or (0, "")
    if number and len(tag) <= 64 and "\0" not in tag:
        return f"{number}/{tag}"
    return sha256(url.encode("utf-8", "replace")).hexdigest()


def file_facts(file: TaskFile) -> dict[str, str]:
    """Return the facts about a file that hosts send to micro frontends."""
    return given(
        href=download_url(file),
        data_type=file.file_type,
        content_type=file.mimetype,
        filename=file.file_name,
    )


def _name_in(url: str) -> tuple[int, str] | None:
    """Return id and security tag of a file of this runner, which are in its URL."""
    try:
        parts = urlsplit(url)
        tags = parse_qs(parts.query).get("file-id", [])
    except ValueError:
        return None
    match = _FILE_PATH.search(parts.path)
    number = row_id(match[1]) if match and parts.scheme in ("", "http", "https") else None
    return (number, tags[0]) if number and tags else None
