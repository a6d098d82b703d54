"""Connections of urllib3 that are made only to addresses that were judged, and are metered."""

import socket
import sys
from contextvars import ContextVar
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from time import monotonic
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.connection import create_connection

from .policy import FetchPolicy, Refusal, current_policy

CHUNK = 64 * 1024

DEADLINE: ContextVar[float | None] = ContextVar("deadline", default=None)
"""Until when (``time.monotonic``) the fetch that is under way has to be done."""


class _Meter(RawIOBase):
    """What comes from a socket; checked whenever something has come."""

    def __init__(
        self, source: BufferedReader, policy: FetchPolicy, until: float | None
    ) -> None:
        super().__init__()
        self._source = source
        self._policy = policy
        self._until = until
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._source.readinto1(buffer)
        self._count += size
        self._policy.check_bytes(self._count)
        if self._until is not None and monotonic() > self._until:
            raise Refusal(
                f"The answer is refused: it takes longer than {self._policy.total:g} s "
                "(URL_FETCH_TOTAL_SECONDS)."
            )
        return size

    def close(self) -> None:
        self._source.close()
        super().close()


class _MeteredResponse(HTTPResponse):
    """A response, headers and all, that is metered where there is a limit."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        policy, until = current_policy(), DEADLINE.get()
        if policy.max_bytes is not None or until is not None:
            self.fp = BufferedReader(_Meter(self.fp, policy, until), CHUNK)


class _CheckedConnection(HTTPConnection):
    """Connects to an address that the policy allows, or to the proxy that the operator has set.

    The name stays what it is for TLS and for the server.
    """

    response_class = _MeteredResponse

    def _new_conn(self) -> socket.socket:
        if self.proxy is not None:
            return super()._new_conn()
        try:
            addresses = current_policy().addresses(self._dns_host, self.port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        problem: OSError | None = None
        for address in addresses:
            try:
                sock = create_connection(
                    (address, self.port),
                    self.timeout,
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except OSError as error:
                problem = error
            else:
                sys.audit("http.client.connect", self, self.host, self.port)
                return sock
        if isinstance(problem, TimeoutError):
            raise ConnectTimeoutError(
                self,
                f"Connection to {self.host} timed out. (connect timeout={self.timeout})",
            ) from problem
        raise NewConnectionError(
            self, f"Failed to establish a new connection: {problem}"
        ) from problem


class _CheckedTLSConnection(_CheckedConnection, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _CheckedConnection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedTLSConnection


POOLS = {"http": _Pool, "https": _TLSPool}
"""Pools of checked connections, as urllib3's managers want them."""
