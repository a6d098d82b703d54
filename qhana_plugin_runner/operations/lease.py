"""Who of all processes does the maintenance: at most one at a time, and never nobody for long."""

from sqlalchemy import CursorResult, delete, or_, update
from sqlalchemy.exc import IntegrityError

from ..db import DB
from ..db.db import database_time
from ..db.models.leases import MaintenanceLease

__all__ = ["hold_lease", "release_lease"]


def hold_lease(name: str, holder: str, seconds: float) -> bool:
    """Take a lease that is free, or extend one's own.

    The clock is that of the database. When a job takes longer than the lease, or its process is
    stopped meanwhile, two processes do the work for a while: each job has to bear that.

    Args:
        name: what the lease is for
        holder: names this process, as no other one is named
        seconds: how long it is held

    Returns:
        whether this process holds it now
    """
    lease = MaintenanceLease
    free_or_own = or_(lease.holder == holder, lease.expires_at < database_time())
    statement = update(lease).where(lease.name == name, free_or_own)
    values = {"holder": holder, "expires_at": database_time(seconds)}
    try:
        result = DB.session.execute(
            statement.values(**values), execution_options={"synchronize_session": False}
        )
        assert isinstance(result, CursorResult)  # all updates give one
        held = result.rowcount > 0
        if not held and DB.session.get(lease, name) is None:
            DB.session.execute(lease.__table__.insert().values(name=name, **values))
            held = True
        DB.session.commit()
    except IntegrityError:
        # Another process was faster to make the row.
        DB.session.rollback()
        held = False
    return held


def release_lease(name: str, holder: str) -> None:
    """Give a lease back, so that others need not wait until it expires."""
    lease = MaintenanceLease
    DB.session.execute(delete(lease).filter_by(name=name, holder=holder))
    DB.session.commit()
