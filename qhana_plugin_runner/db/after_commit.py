"""Calls that wait for the commit of the session's transaction."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from .db import DB

_WAITING, _DUE = "qhana_after_commit", "qhana_committed"


def run_after_commit(
    session: Session, function: Callable[..., object], *arguments: Any
) -> None:
    """Call a function once the session's open transaction is committed; never when it is rolled back.

    The session can be used again by then. The same call is made once, however often it was asked
    for.
    """
    session.info.setdefault(_WAITING, {})[function, arguments] = None


@event.listens_for(DB.session, "after_commit")
def _committed(session: Session) -> None:
    if not session.in_nested_transaction() and _WAITING in session.info:
        session.info[_DUE] = session.info.pop(_WAITING)


@event.listens_for(DB.session, "after_transaction_end")
def _ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_WAITING, None)  # rolled back
        for function, arguments in session.info.pop(_DUE, ()):
            function(*arguments)
