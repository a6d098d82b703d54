"""Readiness of services: the broker is asked, the others notify."""

import asyncio
import os
import socket
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


class NotifySocket:
    """A socket on which a service notifies that it is ready.

    The protocol is ``sd_notify``: a service sends ``READY=1`` to the socket that the variable
    ``NOTIFY_SOCKET`` names, a worker each time that it has connected to the broker, the web
    server when it has loaded the app.

    Args:
        path: of the socket, at most 103 bytes
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(os.fspath(path))
        self._socket.setblocking(False)

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

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
