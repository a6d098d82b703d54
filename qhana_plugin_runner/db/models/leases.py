"""Who does the maintenance of the runner at the moment."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from ..db import DB, UtcTimestamp


class MaintenanceLease(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """The right to do some work, which one process at a time holds for a while.

    Attributes:
        name: what the work is.
        holder: the process that may do it.
        expires_at: when another process may take over, in UTC by the database's clock.
    """

    __tablename__ = "MaintenanceLease"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(UtcTimestamp())
