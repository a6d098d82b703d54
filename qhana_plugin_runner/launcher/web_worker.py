"""The web process of gunicorn: when it is told to stop, no request is lost."""

from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from ..tasking.changes import end_waiting


class WebWorker(ThreadWorker):
    """A process that answers each request in a thread."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Answer at once the requests that wait for a change of a task."""
        end_waiting(self.wsgi)
        super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take or leave new connections; in the end, take those that are waiting first.

        They would be reset when the socket is closed, and a client cannot know whether its
        request was answered. Connections that come later are refused.
        """
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                self._accept_waiting(listener)
                listener.close()

    def _accept_waiting(self, listener: Any) -> None:
        before = None
        while before != self.nr_conns:
            before = self.nr_conns
            self.accept(listener)
