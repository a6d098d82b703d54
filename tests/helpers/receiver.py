"""A receiver of webhooks on loopback."""

import queue
from contextlib import contextmanager
from urllib.parse import parse_qsl

from helpers.site import serving
from werkzeug.wrappers import Request, Response


class Receiver:
    """Takes the calls of webhooks.

    Attributes:
        url: where it listens.
        status: what it answers.
    """

    def __init__(self):
        self.url = ""
        self.status = 200
        self._calls = queue.Queue()

    def __call__(self, environ, start_response):
        request = Request(environ)
        query = parse_qsl(request.query_string.decode("ascii"), keep_blank_values=True)
        self._calls.put((request.method, request.path, query, request.get_data()))
        return Response(status=self.status)(environ, start_response)

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


@contextmanager
def receiving():
    """Receive webhooks."""
    receiver = Receiver()
    with serving(receiver) as url:
        receiver.url = f"{url}/hook"
        yield receiver
