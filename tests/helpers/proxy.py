"""A reverse proxy on loopback, which publishes a server under another address."""

import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import requests

# They are about one connection, and so not passed on (RFC 9110, section 7.6.1).
_OF_THE_CONNECTION = ("connection", "keep-alive", "te", "transfer-encoding", "upgrade")


class PublicAddress:
    """How the world calls a server behind the proxy, and a client that calls it like that.

    Args:
        server: URL of the server behind
        public: URL of the server for the world: scheme, host, port if any, and prefix
        proxy: port of the proxy
    """

    def __init__(self, server, public, proxy):
        self.server = urlsplit(server).netloc
        self.public = public
        self.parts = urlsplit(public)
        self._proxy = f"http://127.0.0.1:{proxy}"

    def request(self, method, url, **options):
        """Send a request for a public URL to the proxy, as if it ended TLS and had the name."""
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc) == (self.parts.scheme, self.parts.netloc), url
        target = parts._replace(scheme="", netloc="").geturl()
        headers = {"Host": parts.netloc, **options.pop("headers", {})}
        return requests.request(
            method,
            self._proxy + target,
            headers=headers,
            allow_redirects=False,
            timeout=30,
            **options,
        )

    def get(self, url, **options):
        return self.request("GET", url, **options)

    def post(self, url, **options):
        return self.request("POST", url, **options)


@contextmanager
def reverse_proxy(server, public):
    """Publish a server under another address and yield a ``PublicAddress``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            _forward(self, address)

        do_POST = do_HEAD = do_PUT = do_DELETE = do_GET

        def log_message(self, *_):
            """Write nothing."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = PublicAddress(server, public, proxy.server_port)
    # the server looks for its shutdown this often (seconds)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield address
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()


def _forward(handler, address):
    """Pass a request on without the prefix, and say what was asked for in headers."""
    prefix, public = address.parts.path.rstrip("/"), address.parts
    if not handler.path.startswith(prefix + "/"):
        handler.send_error(404)
        return
    port = public.port or {"http": 80, "https": 443}[public.scheme]
    headers = {
        name: value
        for name, value in handler.headers.items()
        if name.lower() not in _OF_THE_CONNECTION
    }
    headers |= {
        "Host": address.server,
        "X-Forwarded-For": handler.client_address[0],
        "X-Forwarded-Proto": public.scheme,
        "X-Forwarded-Host": handler.headers["Host"],
        "X-Forwarded-Port": str(port),
        "X-Forwarded-Prefix": prefix,
    }
    body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    connection = HTTPConnection(address.server, timeout=30)
    try:
        path = handler.path.removeprefix(prefix)
        connection.request(handler.command, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    handler.send_response(answer.status)
    for name, value in answer.getheaders():
        if name.lower() not in (*_OF_THE_CONNECTION, "content-length", "date", "server"):
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content)
