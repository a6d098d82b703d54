"""What may be fetched: addresses, names, folders and sizes, as the settings of the app say.

Addresses are judged after the name is resolved, and the connection is made to the very address
that was judged: no spelling of a URL, no redirect and no second answer of a name server leads
elsewhere.
"""

import os
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from ipaddress import (
    IPv4Address,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, has_app_context
from requests.exceptions import InvalidURL
from urllib3.exceptions import DecodeError
from urllib3.util.connection import allowed_gai_family

from ..util.config.settings import defaults

NEVER = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # "this host": unspecified
        "169.254.0.0/16",  # link-local; 169.254.169.254 is most clouds' metadata
        "100.100.100.200",  # metadata of Alibaba Cloud
        "168.63.129.16",  # metadata of Azure
        "192.0.0.192",  # metadata of Oracle Cloud
        "224.0.0.0/4",  # multicast
        "255.255.255.255",  # broadcast
        "::",
        "fe80::/10",
        "fd00:ec2::254",  # metadata of AWS
        "fd20:ce::254",  # metadata of Google Cloud
        "ff00::/8",
    )
)
"""Addresses behind which there is nothing to fetch for anybody."""

_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")
_COMPATIBLE = IPv6Network("::/96")

RATIO_BEGINS = 100 * 1024 * 1024
"""Decompressed bytes up to which no ratio is too high."""


class Refusal(DecodeError):
    """A rule refuses a connection or the rest of a body; raised inside of urllib3.

    urllib3 lets this kind pass, and the readers of requests make a
    :class:`requests.exceptions.ContentDecodingError` of it.
    """


class FetchRefused(InvalidURL):
    """A rule forbids to fetch a URL; the text names the rule and its setting."""


def _meanings(address: str) -> list[IPv4Address | IPv6Address]:
    """Return an address and the IPv4 addresses to which a gateway may translate it."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return [ip]
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    number = int(ip)
    found = [number & 0xFFFFFFFF] if ip in _NAT64 or ip in _TRANSLATED else []
    if ip in _COMPATIBLE and number >> 24:
        found.append(number)
    if ip in _LOCAL_NAT64:  # RFC 6052, 2.2: for prefixes of 96 and of 48 bits
        found += [number & 0xFFFFFFFF, number >> 48 & 0xFFFF0000 | number >> 40 & 0xFFFF]
    if number >> 32 & 0xFDFFFFFF == 0x5EFE:  # ISATAP: RFC 5214, 6.1
        found.append(number & 0xFFFFFFFF)
    embedded = [IPv4Address(each) for each in found]
    if ip.sixtofour:
        embedded.append(ip.sixtofour)
    return [ip, *embedded, *(ip.teredo or ())]


class FetchPolicy:
    """The rules of one app.

    Args:
        config: the settings
        folders: where the files of ``file`` URLs may be

    Attributes:
        allow: names (patterns, perhaps with a port), networks, and the word ``public``.
        trusted: what the settings themselves name: as in ``allow``.
        max_bytes: the largest body, as it is sent and as it is decompressed.
        max_ratio: how many times as large as it is sent a body may be.
        silence: seconds that a server may send nothing.
        total: seconds for all of one fetch.
        max_zip_files: entries of an archive.
        max_csv_field: characters of one value of a table.
        tokens: with which the runner calls others, by origin.
    """

    def __init__(self, config: Mapping[str, Any], folders: list[str]) -> None:
        self.folders = folders
        self.allow: Sequence[str] = config["URL_FETCH_ALLOW"]
        self.trusted = tuple(_trusted(config))
        self.max_bytes: int | None = config["URL_FETCH_MAX_BYTES"]
        self.max_ratio: int = config["URL_FETCH_MAX_RATIO"]
        self.silence: float = config["URL_FETCH_SILENCE_SECONDS"]
        self.total: float | None = config["URL_FETCH_TOTAL_SECONDS"]
        self.max_zip_files: int = config["MAX_ZIP_FILES"]
        self.max_csv_field: int = config["MAX_CSV_FIELD_SIZE"]
        self.tokens: Mapping[str, str] = config["OUTGOING_TOKENS"]

    def has_file(self, path: str) -> bool:
        """Whether a path leads into one of the folders, symbolic links followed."""
        path = os.path.realpath(path)
        roots = (os.path.join(os.path.realpath(folder), "") for folder in self.folders)
        return any(path.startswith(root) for root in roots)

    def addresses(
        self, host: str, port: int | None, is_any_used: bool = False
    ) -> list[str]:
        """Resolve a name to the addresses to which a connection may be made.

        Args:
            host: a name, or an address in any notation.
            port: of the service.
            is_any_used: whether somebody else picks one of all addresses.

        Raises:
            Refusal: there are none among those found, or not all are when any is used.
            socket.gaierror: the name has no address.
        """
        try:
            answers = socket.getaddrinfo(
                host.strip("[]"), port, allowed_gai_family(), socket.SOCK_STREAM
            )
        except UnicodeError:
            raise Refusal(
                "The URL has a host name with an empty or too long part"
            ) from None
        found = dict.fromkeys(str(answer[4][0]) for answer in answers)
        usable = [each for each in found if not _is_never(each)]
        if not usable or is_any_used and len(usable) < len(found):
            raise Refusal(
                "This URL leads to an address that is never fetched: a link-local, multicast, or "
                "unspecified one, or the metadata of a cloud."
            )
        allowed = [each for each in usable if self._allows(each, host, port)]
        if not allowed or is_any_used and len(allowed) < len(found):
            raise Refusal(
                "This URL leads to a host that may not be fetched from. The setting "
                "URL_FETCH_ALLOW lists those that may."
            )
        return allowed

    def _allows(self, address: str, host: str, port: int | None) -> bool:
        """Whether the settings allow an address or the name that was resolved to it."""
        name = host.strip("[]").rstrip(".").lower()
        for rule in (*self.allow, *self.trusted):
            if rule == "public":
                if all(map(_is_public, _meanings(address))):
                    return True
            elif "/" in rule:
                if _meanings(address)[0] in ip_network(rule):
                    return True
            elif fnmatchcase(name, rule) or fnmatchcase(f"{name}:{port}", rule):
                return True
        return False

    def check_size(self, encoded: int, decoded: int) -> None:
        """Check how much of a body was decompressed out of how much.

        Raises:
            Refusal: it is too much.
        """
        self.check_bytes(decoded)
        if self.max_ratio and decoded > max(RATIO_BEGINS, encoded * self.max_ratio):
            raise Refusal(
                f"The body is refused: it grows to more than {self.max_ratio} times its size "
                "when it is decompressed (URL_FETCH_MAX_RATIO)."
            )

    def check_bytes(self, count: int) -> None:
        """Check the size of a body.

        Raises:
            Refusal: it is too large.
        """
        if self.max_bytes is not None and count > self.max_bytes:
            raise Refusal(
                f"The body is refused: it has more than {self.max_bytes} bytes "
                "(URL_FETCH_MAX_BYTES)."
            )


def _is_never(address: str) -> bool:
    return any(each in network for each in _meanings(address) for network in NEVER)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    # Site-local addresses (fec0::/10) are deprecated, so Python takes them for any others.
    return ip.is_global and not getattr(ip, "is_site_local", False)


def _trusted(config: Mapping[str, Any]) -> Iterable[str]:
    """Yield the hosts that the settings themselves name: those of the runner and its services."""
    if name := config["SERVER_NAME"]:
        yield from [name.lower()] if ":" in name else [f"{name}:80", f"{name}:443"]
    for setting in ("PLUGIN_REGISTRY_URL", "S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL"):
        try:
            parts = urlsplit(config[setting] or "")
            port = parts.port or {"https": 443}.get(parts.scheme, 80)
        except ValueError:
            continue  # whoever uses it will say so
        if parts.hostname:
            yield f"{parts.hostname}:{port}"
    for _pattern, target in config["URL_REWRITE_RULES"]:
        host = re.match(r"(?:https?://)?([\w.-]+(?::\d+)?)(?=[/?#]|$)", target)
        if host:
            yield host[1].lower()


_EXTENSION = "qhana-fetch-policy"

_of_process = FetchPolicy(
    defaults(), list(filter(None, os.environ.get("FILE_URL_FOLDERS", "").split(":")))
)
"""The rules outside of an app context: those of the app that was made last."""


def current_policy() -> FetchPolicy:
    """Return the rules of the current app, or of the process."""
    if has_app_context():
        policy: FetchPolicy = current_app.extensions.get(_EXTENSION, _of_process)
        return policy
    return _of_process


def register_requests(app: Flask) -> None:
    """Read from the settings what the app and its plugins may fetch."""
    global _of_process
    config = app.config
    folders = (config["FILE_STORE_ROOT_PATH"], *config["FILE_URL_FOLDERS"])
    _of_process = app.extensions[_EXTENSION] = FetchPolicy(
        config, [os.path.join(app.instance_path, folder) for folder in folders]
    )


def allow_folder(app: Flask, folder: str | os.PathLike[str]) -> None:
    """Let ``file`` URLs name the files of a folder: that of a store, which makes such URLs."""
    app.extensions[_EXTENSION].folders.append(os.path.abspath(folder))
