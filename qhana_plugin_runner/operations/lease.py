"""Decides which of all processes does a job: at most one at a time, and soon another when it dies."""

from sqlalchemy import delete, insert, or_, update
from sqlalchemy.exc import IntegrityError

from ..db import DB
from ..db.db import database_time
from ..db.models.leases import MaintenanceLease
from ..db.statements import execute


def hold_lease(name: str, holder: str, seconds: float) -> bool:
    """Take a lease that is free, or extend one's own; commits.

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
    values = {"holder": holder, "expires_at": database_time(seconds)}
    free_or_own = or_(lease.holder == holder, lease.expires_at < database_time())
    extend = update(lease).where(lease.name == name, free_or_own).values(**values)
    try:
        held = execute(extend).rowcount > 0
        if not held and DB.session.get(lease, name) is None:
            execute(insert(lease.__table__).values(name=name, **values))
            held = True
        DB.session.commit()
    except IntegrityError:  # another process was faster to make the row
        DB.session.rollback()
        held = False
    return held


def release_lease(name: str, holder: str) -> None:
    """Give a lease back, so that others need not wait until it expires; commits."""
    execute(delete(MaintenanceLease).filter_by(name=name, holder=holder))
    DB.session.commit()
