"""A receiver of webhooks on loopback."""

import queue
import threading
from contextlib import contextmanager
from urllib.parse import parse_qsl

import pytest
from helpers.site import serving
from werkzeug.wrappers import Request, Response


class Receiver:
    """Takes the calls of webhooks.

    Attributes:
        url: where it listens.
        status: what it answers.
        headers: of the answers.
        statuses: what it answers to the first calls, in place of ``status``.
        is_open: as long as it is not set, calls wait for their answer.
        headers_got: those of each call.
    """

    def __init__(self):
        self.url = ""
        self.status = 200
        self.headers = {}
        self.statuses = queue.SimpleQueue()
        self.is_open = threading.Event()
        self.is_open.set()
        self.headers_got = []
        self._calls = queue.Queue()

    def __call__(self, environ, start_response):
        request = Request(environ)
        query = parse_qsl(request.query_string.decode("ascii"), keep_blank_values=True)
        self.headers_got.append(dict(request.headers))
        try:
            status = self.statuses.get_nowait()
        except queue.Empty:
            status = self.status
        self._calls.put((request.method, request.path, query, request.get_data()))
        self.is_open.wait(60)
        return Response(status=status, headers=self.headers)(environ, start_response)

    def next_call(self):
        """Wait for the next call: method, path, query as a list of pairs, body."""
        return self._calls.get(timeout=60)

    def next_event(self):
        """Wait for the next call and return the source and the event that it names."""
        query = dict(self.next_call()[2])
        return query.get("source"), query.get("event")

    def called(self):
        """Return whether there was a call that was not looked at."""
        return not self._calls.empty()

    def calls(self):
        """Return the calls so far that were not looked at."""
        return [self._calls.get_nowait() for _ in range(self._calls.qsize())]

    def events(self):
        """Return the events that the calls so far name, in their order."""
        return [dict(query).get("event") for _, _, query, _ in self.calls()]


@contextmanager
def receiving(port=0):
    """Receive webhooks."""
    receiver = Receiver()
    with serving(receiver, port) as url:
        receiver.url = f"{url}/hook"
        try:
            yield receiver
        finally:
            receiver.is_open.set()


@pytest.fixture
def webhook():
    """A receiver of webhooks."""
    with receiving() as receiver:
        yield receiver
