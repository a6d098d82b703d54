"""Readiness of services: the broker is asked, the others notify."""

import asyncio
import os
import shutil
import socket
import tempfile
from pathlib import Path

# A ping is cheap, and people wait for the answer.
_PING_INTERVAL_SECONDS = 0.05

_PING_TIMEOUT_SECONDS = 10.0


async def broker_readiness(port: int, password: str) -> None:
    """Return when the broker on a local port has loaded its data and takes commands."""
    question, answer = b"PING\r\n", b"+PONG\r\n"
    if password:
        question = f"AUTH {password}\r\n".encode() + question
        answer = b"+OK\r\n" + answer
    while await _ask(port, question, len(answer)) != answer:
        await asyncio.sleep(_PING_INTERVAL_SECONDS)


async def _ask(port: int, question: bytes, length: int) -> bytes:
    """Send a question; return ``length`` bytes of the answer, or fewer."""
    try:
        async with asyncio.timeout(_PING_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(question)
                return await reader.readexactly(length)
            finally:
                writer.close()
    except asyncio.IncompleteReadError as error:
        return error.partial
    except OSError:  # also a timeout
        return b""


class NotifyFolder:
    """A folder of sockets on which services notify that they are ready.

    The protocol is ``sd_notify``: a service sends ``READY=1`` to the socket that the variable
    ``NOTIFY_SOCKET`` names, a worker each time that it has connected to the broker, the web
    server when it has loaded the app.

    Attributes:
        path: of the folder.
    """

    def __init__(self) -> None:
        # The path of a socket has at most 107 bytes (103 on macOS), which an instance
        # folder may exceed.
        self.path = Path(tempfile.mkdtemp(prefix="qhana-"))
        self._sockets: list[socket.socket] = []

    def add(self, name: str) -> "NotifySocket":
        """Return a new socket for a service."""
        path = self.path / name
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.bind(os.fspath(path))
        receiver.setblocking(False)
        self._sockets.append(receiver)
        return NotifySocket(path, receiver)

    def close(self) -> None:
        """Remove the folder with its sockets."""
        for receiver in self._sockets:
            receiver.close()
        shutil.rmtree(self.path, ignore_errors=True)


class NotifySocket:
    """The launcher's end of a socket; see :class:`NotifyFolder`."""

    def __init__(self, path: Path, receiver: socket.socket) -> None:
        self.path = path
        self._socket = receiver

    async def ready(self) -> None:
        """Return when the service notifies, from now on."""
        try:
            while self._socket.recv(4096):  # of an earlier start
                pass
        except BlockingIOError:
            pass
        loop = asyncio.get_running_loop()
        while b"READY=1" not in await loop.sock_recv(self._socket, 4096):
            pass
