"""Leases of maintenance jobs."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from ..db import DB, UtcTimestamp


class MaintenanceLease(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """The right of one process to do a maintenance job for a while.

    Attributes:
        name: name of the job.
        holder: the process that has the lease.
        expires_at: end of the lease in UTC, by the clock of the database.
    """

    __tablename__ = "MaintenanceLease"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(UtcTimestamp())
