"""Whether the session has changes that nobody has committed yet."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session

from .db import DB

_WRITTEN = "qhana_written"


def is_in_transaction() -> bool:
    """Whether the session is in a transaction, and only it sees what is not committed."""
    return DB.session.registry.has() and DB.session().in_transaction()


def has_unsaved_changes() -> bool:
    """Whether a commit of the session would save something that it has not saved yet."""
    session = DB.session()
    pending = session.new or session.dirty or session.deleted
    return bool(pending) or _WRITTEN in session.info


def note_written(session: Session) -> None:
    """Something was written in the session's transaction of which the session does not know."""
    session.info[_WRITTEN] = True


@event.listens_for(DB.session, "after_flush")
def _after_flush(session: Session, _context: Any) -> None:
    note_written(session)


@event.listens_for(DB.session, "do_orm_execute")
def _before_statement(state: ORMExecuteState) -> None:
    if not state.is_select:
        note_written(state.session)


@event.listens_for(DB.session, "after_commit")
@event.listens_for(DB.session, "after_soft_rollback")
def _after_end(session: Session, *_previous: Any) -> None:
    session.info.pop(_WRITTEN, None)
