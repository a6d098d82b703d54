"""The check of the maintenance: whether some process does each job."""

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from ...db import DB
from ...db.db import database_time
from ...db.models.leases import MaintenanceLease
from ..jobs import JOBS
from ..webhooks.by_worker import is_delivered_by_worker
from .result import Outcome, Problem


def look_at_maintenance() -> Outcome:
    """Look whether some process does each job of the maintenance."""
    if is_delivered_by_worker(current_app._get_current_object()):  # type: ignore[attr-defined]
        return Outcome()
    lease = MaintenanceLease
    query = select(lease.name, lease.holder).where(lease.expires_at > database_time())
    held = {row.name: row.holder for row in DB.session.execute(query)}
    missing = [job.name for job in JOBS if job.name not in held]
    holders = ", ".join(sorted({holder.rpartition(":")[0] for holder in held.values()}))
    if not missing:
        return Outcome(holders)
    return Outcome(
        holders,
        [
            Problem(
                _("not running"),
                _("No process runs these jobs: %(jobs)s.", jobs=", ".join(missing)),
                _(
                    "Start a web server with MAINTENANCE=on, or run `flask "
                    "maintenance`. Otherwise, lost tasks are not found and webhooks "
                    "are not called."
                ),
            )
        ],
    )
