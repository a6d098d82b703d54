"""Keeping passwords out of messages."""

import re

_USER = re.compile(r"://[^/\s]*@")
_QUERY = re.compile(r"(?<=://)(\S*?)\?[^\s#]*")


def without_secrets(text: str) -> str:
    """Hide user, password and query in the URLs of a text.

    >>> without_secrets("see https://me:p@ss@host/file?token=1#part")
    'see https://***@host/file?***#part'
    """
    return _QUERY.sub(r"\1?***", _USER.sub("://***@", text))
