"""How the launcher finds out that a part does its job: it asks, or is told."""

import asyncio
import json
import os
import shutil
import socket
import tempfile
from pathlib import Path

# Asking is cheap, and people wait for the answer.
_ASK_AGAIN_SECONDS = 0.1

# A web process that has just been started may load plugins for a long time, while the
# listening socket already accepts the question.
_PATIENCE_SECONDS = 10.0


async def broker_answers(port: int, password: str) -> None:
    """Return when the broker on a local port has loaded its data and takes commands."""
    question, answer = b"PING\r\n", b"+PONG\r\n"
    if password:
        question = f"AUTH {password}\r\n".encode() + question
        answer = b"+OK\r\n" + answer
    while await _ask("127.0.0.1", port, question, len(answer)) != answer:
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


async def web_answers(host: str, port: int) -> None:
    """Return when ``GET /`` answers 200 with JSON."""
    question = (
        f"GET / HTTP/1.1\r\nHost: {_bracketed(host)}:{port}\r\n"
        "Accept: application/json\r\nConnection: close\r\n\r\n"
    ).encode()
    while not _is_json_page(await _ask(host, port, question, None)):
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


def web_url(host: str, port: int) -> str:
    """Return the URL under which a browser on this machine finds the web server."""
    return f"http://{_bracketed(local_host(host))}:{port}/"


def local_host(host: str) -> str:
    """Return the host to connect to for a host to listen on."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _ask(host: str, port: int, question: bytes, length: int | None) -> bytes:
    """Send a question; return so many bytes of the answer (None: all), or fewer."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(question)
                return await (
                    reader.read() if length is None else reader.readexactly(length)
                )
            finally:
                writer.close()
    except asyncio.IncompleteReadError as error:
        return error.partial
    except OSError:  # also a timeout; whoever asks will ask again
        return b""


def _is_json_page(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.split(b" ")[1:2] != [b"200"]:
        return False
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


class ReadySocket:
    """Receives ``READY=1`` from a part, as service managers do (``sd_notify``).

    The part finds the socket's path in the environment variable ``NOTIFY_SOCKET``.

    Attributes:
        path: of the socket.
        said: a file beside it, in which the parts note what they have said.
    """

    def __init__(self) -> None:
        # The path of a socket has at most 107 bytes (103 on macOS), which an instance
        # folder may exceed.
        self._folder = Path(tempfile.mkdtemp(prefix="qhana-"))
        self.path = self._folder / "ready"
        self.said = self._folder / "said"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(os.fspath(self.path))
        self._socket.setblocking(False)

    async def told(self) -> None:
        """Return when the part says that it is ready, from now on."""
        loop = asyncio.get_running_loop()
        self._forget_earlier()
        while b"READY=1" not in await loop.sock_recv(self._socket, 4096):
            pass

    def close(self) -> None:
        """Remove the socket."""
        self._socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _forget_earlier(self) -> None:
        try:
            while self._socket.recv(4096):
                pass
        except BlockingIOError:
            pass
