"""Both ends of a connection to PostgreSQL notice that the other one has vanished.

A machine that loses its network or its power says nothing. By the defaults of Linux, its transactions
would hold their locks for two more hours, such as that of a lease, and a request that waits for a
server that is gone would do so for a quarter of an hour.
"""

from typing import Any

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


def notice_vanished(engine: Engine) -> None:
    """Prepare the connections of an engine; what its URL says of these parameters counts."""
    if engine.dialect.driver in ("psycopg", "psycopg2"):
        event.listen(engine, "do_connect", _tell_client)
        event.listen(engine, "connect", _tell_server)


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
