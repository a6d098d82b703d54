"""Real web servers on loopback for tests."""

import threading
from contextlib import contextmanager

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response


class Chunking(WSGIRequestHandler):
    """Sends an answer without a length in chunks."""

    protocol_version = "HTTP/1.1"


@contextmanager
def serving(app, port=0, handler=None, ssl_context=None):
    """Serve a WSGI app from a thread of its own and yield the URL of its root."""
    server = make_server(
        "127.0.0.1",
        port,
        app,
        threaded=True,
        request_handler=handler,
        ssl_context=ssl_context,
    )
    # the server looks for its shutdown this often (seconds)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Site:
    """Pages by path; remembers the requests it got.

    A page is a tuple of the body, the headers and the status.
    """

    def __init__(self):
        self.url = ""
        self.pages = {}
        self.requests = []

    def put(self, path, body=b"", status=200, **headers):
        """Serve a body with exactly these headers (``_`` stands for ``-``)."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (body, names, status)
        return self.url + path

    def __call__(self, environ, start_response):
        request = Request(environ)
        self.requests.append(request)
        body, headers, status = self.pages.get(request.path, (b"nothing here", {}, 404))
        response = Response(body, status=status)
        response.headers.remove("Content-Type")
        for name, value in headers.items():
            response.headers[name] = value
        return response(environ, start_response)


@pytest.fixture
def site():
    """A web server on loopback that serves whatever a test puts on it."""
    site = Site()
    with serving(site) as site.url:
        yield site
