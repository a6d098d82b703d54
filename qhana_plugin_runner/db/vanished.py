"""Both ends of a connection to PostgreSQL notice that the other one has vanished.

A machine that loses its network or its power says nothing. By the defaults of Linux, its transactions
would hold their locks for two more hours, such as that of a lease, and a request that waits for a
server that is gone would do so for a quarter of an hour.
"""

import select
import time
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import event
from sqlalchemy.engine import Engine

IDLE, INTERVAL, COUNT = 60, 15, 4
"""Seconds of silence before the system asks whether the other end is there, between two such
questions, and how many of them may stay unanswered."""

UNANSWERED_MILLISECONDS = 120_000
"""For how long what was sent may stay unconfirmed. Two minutes are what workers wait for a broker and a
store that are away, too: a host that is back by then goes on with its tasks."""

_OF_SERVER = f"""
SET tcp_keepalives_idle = {IDLE};
SET tcp_keepalives_interval = {INTERVAL};
SET tcp_keepalives_count = {COUNT};
SET tcp_user_timeout = {UNANSWERED_MILLISECONDS}
"""

_OF_CLIENT = {
    "connect_timeout": 10,
    "keepalives_idle": IDLE,
    "keepalives_interval": INTERVAL,
    "keepalives_count": COUNT,
    "tcp_user_timeout": UNANSWERED_MILLISECONDS,
}


FRESH_SECONDS = 1.0
"""For how long a connection that was used is trusted, as long as its server has not closed it. To ask
takes as long as a small statement."""


def notice_vanished(engine: Engine) -> None:
    """Prepare the connections of an engine; what its URL says of these parameters counts."""
    if engine.dialect.driver in ("psycopg", "psycopg2"):
        _ask_seldom(engine)
        event.listen(engine, "do_connect", _tell_client)
        event.listen(engine, "connect", _tell_server)


def _ask_seldom(engine: Engine) -> None:
    """Let the pool ask only connections that nobody has just used, or that have something to say."""
    ask, used_at = engine.dialect.do_ping, WeakKeyDictionary[Any, float]()

    def note(connection: Any, _record: Any) -> None:
        if connection is not None:
            used_at[connection] = time.monotonic()

    def ask_if_needed(connection: Any) -> bool:
        is_fresh = time.monotonic() - used_at.get(connection, 0.0) < FRESH_SECONDS
        return (is_fresh and _is_silent(connection)) or ask(connection)

    event.listen(engine, "checkin", note)
    engine.dialect.do_ping = ask_if_needed  # type: ignore[assignment]


def _is_silent(connection: Any) -> bool:
    """Whether a server has sent nothing unasked, such as that it ends the connection."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def _tell_client(
    _dialect: Any, _record: Any, _args: Any, options: dict[str, Any]
) -> None:
    for name, value in _OF_CLIENT.items():
        options.setdefault(name, value)


def _tell_server(connection: Any, _record: Any) -> None:
    """Set it for the session, not at its start: PgBouncer refuses startup parameters."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_SERVER)
    connection.commit()
