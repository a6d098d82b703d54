"""The broker that `scripts/run` starts for an instance, as other processes find it."""

import socket
from pathlib import Path

from .instance_folder import BROKER_FOLDER

FILE = "valkey.conf"
"""The configuration of a broker, in its folder."""


def kept_lines(folder: Path) -> dict[str, str]:
    """Return what the last start wrote into the folder of a broker; nothing if there was none.

    Raises:
        OSError: the folder cannot be read
    """
    try:
        lines = (folder / FILE).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {name: value for name, _, value in (line.partition(" ") for line in lines)}


def running_broker(instance: str | Path) -> str | None:
    """Return the URL of the broker of an instance; ``None`` while it does not run."""
    try:
        kept = kept_lines(Path(instance, BROKER_FOLDER))
        host, port = kept["bind"], int(kept["port"])
        socket.create_connection((host, port), timeout=2).close()
    except (OSError, KeyError, ValueError):
        return None
    password = kept.get("requirepass")
    account = f":{password}@" if password else ""
    return f"redis://{account}{host}:{port}/0"
