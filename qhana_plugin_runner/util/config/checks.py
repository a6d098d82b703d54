"""What values of settings must be: each function converts one, or says in a ValueError what it must be.

They take values as files of settings give them, and the texts of environment variables.
"""

import json
import logging
import math
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit


def as_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def as_secret(value: Any) -> str | bytes:
    if not isinstance(value, (str, bytes)) or not value:
        raise ValueError("must be text or bytes and not empty")
    return value


def as_webhook_secrets(value: Any) -> tuple[bytes, ...]:
    """The keys in texts like ``whsec_...``, of which one text may hold several.

    The format is that of https://www.standardwebhooks.com, which wants 24 to 64 bytes.
    """
    texts = value.split() if isinstance(value, str) else value
    hint = "must be whsec_ and 24 to 64 bytes in base64; several are separated by spaces"
    if not isinstance(texts, (list, tuple)) or not texts:
        raise ValueError(hint)
    keys = []
    for text in texts:
        prefix, found, encoded = str(text).partition("whsec_")
        try:
            key = b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if prefix or not found or not 24 <= len(key) <= 64:
            raise ValueError(hint)
        keys.append(key)
    return tuple(keys)


def as_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"1": True, "true": True, "yes": True, "on": True}
    known |= {"0": False, "false": False, "no": False, "off": False, "": False}
    try:
        return known[str(value).strip().lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def as_count(value: Any) -> int:
    """A whole number that is not negative."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a whole number, 0 or more")
    return value


def as_limit(value: Any) -> int | None:
    """A whole number that is not negative, or nothing for no limit."""
    return None if value in (None, "") else as_count(value)


def as_port(value: Any) -> int:
    """A port, or 0 for none."""
    if (port := as_count(value)) > 65535:
        raise ValueError("must be a port, from 1 to 65535, or 0 for none")
    return port


def as_seconds(value: Any, unit: str = "seconds") -> float:
    """A number above 0."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"must be a number of {unit} above 0")
    return number


def as_days(value: Any) -> float:
    """A number above 0."""
    return as_seconds(value, "days")


def as_severity(value: Any) -> int | str:
    names = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
    # There are other names for some, such as WARN.
    if isinstance(value, str) and value.upper() in logging.getLevelNamesMapping():
        return value.upper()
    try:
        return as_count(value)
    except ValueError:
        raise ValueError(f"must be a number or one of {', '.join(names)}") from None


def as_mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"must be a JSON object ({error})") from None
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping (a table in TOML, an object in JSON)")
    return dict(value)


def as_queues(value: Any) -> dict[str, str]:
    queues = as_mapping(value)
    if not all(isinstance(queue, str) and queue for queue in queues.values()):
        raise ValueError("must be a mapping of patterns to names of queues")
    return queues


def as_database_url(value: Any) -> str:
    """The only PostgreSQL driver here is psycopg 3; URLs that name its forerunner mean it."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    url = as_text(value)
    try:
        driver = make_url(url).drivername
    except (ArgumentError, ValueError):
        raise ValueError(
            "must be a database URL like postgresql+psycopg://user:password@host/name"
        ) from None
    if driver in ("postgresql", "postgres", "postgresql+psycopg2"):
        return "postgresql+psycopg" + url.removeprefix(driver)
    return url


def as_import_urls(value: Any) -> list[str]:
    """Database URLs that all may see, so without user and password."""
    from sqlalchemy.engine import make_url

    urls = []
    for text in _texts(value):
        url = make_url(as_database_url(text))
        if url.username or url.password or {"user", "password"} & url.query.keys():
            raise ValueError(
                "must list database URLs without user and password, which people enter"
            )
        if url.get_backend_name() == "sqlite":
            if not (url.database or "").startswith("/") or url.query:
                raise ValueError(
                    "must name files of SQLite by their absolute paths: sqlite:////data/sales.db"
                )
        elif not url.database:
            raise ValueError("must name a database in each URL")
        urls.append(url.render_as_string())
    return urls


def as_http_url(value: Any) -> str:
    parts = urlsplit(as_text(value))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be a URL like http://host:9000")
    return as_text(value)


def as_paths(value: Any) -> list[str]:
    """A list of folders; one text holds several, separated by colons."""
    if isinstance(value, str):
        value = value.split(":")
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
        raise ValueError("must be a list of folders, or one text separated by colons")
    return [folder for folder in value if folder]


def _texts(value: Any) -> list[str]:
    """A list of texts; one text holds several, separated by commas or spaces."""
    if isinstance(value, str):
        return value.replace(",", " ").split()
    return [as_text(each) for each in value] if isinstance(value, (list, tuple)) else [""]


def as_hosts(value: Any) -> list[str]:
    """Names of hosts as browsers send them, without brackets around addresses."""
    hosts = [host.lower().strip("[]") for host in _texts(value)]
    pattern = r"\*|(\*\.)?[a-z0-9_][a-z0-9_.-]*|[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*"
    if not all(re.fullmatch(pattern, host) for host in hosts):
        raise ValueError(
            "must be names of hosts without port (qhana.example.org, *.example.org), or *"
        )
    return hosts


def as_origins(value: Any) -> list[str]:
    """Origins as browsers send them."""
    origins = [origin.lower().removesuffix("/") for origin in _texts(value)]
    if not all(
        re.fullmatch(r"\*|[a-z][a-z0-9+.-]*://[a-z0-9_.:[\]-]+", o) for o in origins
    ):
        raise ValueError(
            "must be origins (https://ui.example.org, http://ui.example.org:4200), or *"
        )
    return [re.sub(r"^(http:.*):80$|^(https:.*):443$", r"\1\2", o) for o in origins]


def as_tokens(value: Any) -> dict[str, str]:
    """Tokens by origin. The messages repeat none."""
    tokens = {}
    for given, token in as_mapping(value).items():
        try:
            (origin,) = as_origins(given)
        except ValueError:
            origin = ""
        if not origin.startswith(("http://", "https://")):
            raise ValueError(
                "must name each token by an origin (https://runner.example.org)"
            )
        if not re.fullmatch(r"[!-~]+", str(token)):
            raise ValueError(f"has no token for {origin}: text without spaces")
        tokens[origin] = str(token)
    return tokens


def as_fetch_targets(value: Any) -> list[str]:
    """Names of hosts, networks and words; one text holds several, separated by spaces."""
    return [_fetch_target(target) for target in _texts(value) or [""]]


def _fetch_target(target: str) -> str:
    try:
        return str(ip_network(target))
    except ValueError:
        if re.fullmatch(r"\*|(\*\.)?[\w-][\w.-]*(:\d+)?", target, re.ASCII):
            return target.lower()
    raise ValueError(
        "must list `*`, `public`, networks (10.1.0.0/16), and names (*.example.org, minio:9000)"
    )


def as_rewrite_rules(value: Any) -> list[tuple[re.Pattern[str], str]]:
    """Rules in order: a mapping pattern -> replacement, or a list of such pairs."""
    if isinstance(value, (list, tuple)):
        pairs = list(value)
    else:
        pairs = list(as_mapping(value).items())
    rules = []
    for pair in pairs:
        try:
            pattern, replacement = pair
            rules.append((re.compile(pattern), as_text(replacement)))
        except (re.error, TypeError, ValueError) as error:
            raise ValueError(
                f"has a rule that cannot be used, {pair!r}: {error}"
            ) from None
    return rules


def one_of(*choices: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    convert.__name__ = "one of " + ", ".join(choices)
    return convert
