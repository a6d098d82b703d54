"""Makes paths absolute that libraries would look for in the working directory.

A task works in a folder of its own, and connections are made there, too.
"""

import os
import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote, unquote

_FILES = re.compile(r"ssl\w*|ca|ca_certs|ca_path|cert|certfile|key|keyfile|passfile")
"""What drivers of databases and brokers call files of certificates and keys."""

_IN_QUERY = re.compile(rf"(?<=[?&])((?:{_FILES.pattern})=)([^&#/]+[^&#]*)")

_LOCAL = re.compile(r"((?:db|sqla)\+sqlite:///|file://(?!localhost))(?=[^/:?])")
"""URLs of results of Celery in a file or a folder."""

_VARIABLES = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("PGSSLCERT", "PGSSLKEY", "PGSSLROOTCERT", "PGSSLCRL", "PGPASSFILE"),
    *("AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "PYTHONPATH"),
)


def absolute_paths(value: Any, key: str = "") -> Any:
    """Return the value of a setting with the paths of files in it made absolute.

    Args:
        value: a URL, a path, or a dict or list of such; anything else is returned as it is
        key: the name of the value in a dict
    """
    if type(value) is dict:
        return {name: absolute_paths(each, str(name)) for name, each in value.items()}
    if type(value) is list:
        return [absolute_paths(each, key) for each in value]
    if type(value) is not str:
        return value
    if _FILES.fullmatch(key):
        return _absolute(value)
    url = _LOCAL.sub(lambda match: f"{match[1]}{os.getcwd()}/", value)
    return _IN_QUERY.sub(_in_query, url)


def _in_query(match: re.Match[str]) -> str:
    path = unquote(match[2])
    found = _absolute(path)
    return match[0] if found == path else match[1] + quote(found)


def _absolute(path: str) -> str:
    return os.path.abspath(path) if os.path.exists(path) else path


def absolute_environment(environment: MutableMapping[str, str]) -> None:
    """Do the same with environment variables that libraries and programs read."""
    for name in _VARIABLES:
        if value := environment.get(name):
            paths = value.split(os.pathsep)
            environment[name] = os.pathsep.join(map(_absolute, paths))
