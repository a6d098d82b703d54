"""Servers that answer byte by byte as a test wants it."""

import socket
import threading
from contextlib import contextmanager


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
        while not is_over.wait(0.01):
            connection.sendall(b"x")

    with _serving_once(drip) as url:
        try:
            yield url
        finally:
            is_over.set()
