"""Servers that answer byte by byte as a test wants it."""

import socket
import threading
from contextlib import contextmanager, suppress


@contextmanager
def _serving_once(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(64 * 1024)
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            thread.join()


@contextmanager
def answering(answer):
    """Answer one request with these bytes, and yield the URL."""
    with _serving_once(lambda connection: connection.sendall(answer)) as url:
        yield url


@contextmanager
def dripping():
    """Answer one request with a header that does not end, and yield the URL."""
    is_over = threading.Event()

    def drip(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        with suppress(ConnectionError):  # who has asked hangs up
            while not is_over.wait(0.01):
                connection.sendall(b"x")

    with _serving_once(drip) as url:
        try:
            yield url
        finally:
            is_over.set()


class SlowLine:
    """A line to a server on loopback that takes its time in both directions.

    Args:
        port: of the server
        seconds: how long each piece of data is under way; may be changed at any time
    """

    def __init__(self, port, seconds=0.0):
        self.seconds = seconds
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = set()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._is_over.set()
        for each in [self._listener, *self._open]:
            with suppress(OSError):  # the other side may have closed it
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._thread.join()

    def _accept(self):
        while not self._is_over.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # closed
            far = socket.create_connection(self._target)
            self._open |= {near, far}
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source, target):
        with suppress(OSError):
            while data := source.recv(64 * 1024):
                self._is_over.wait(self.seconds)
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def free_port():
    """Return a port of loopback on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
