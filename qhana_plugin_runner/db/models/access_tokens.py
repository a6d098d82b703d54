"""Access tokens that the runner has issued."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from ..db import DB, UtcTimestamp


class AccessToken(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """What is known of a token; the token itself is not kept.

    Attributes:
        id: the claim ``jti``.
        name: whom it was made for, the claim ``sub``.
        role: what it allows.
        created_at: when it was issued, in UTC.
        expires_at: when it ends, in UTC.
        revoked_at: when it was revoked, in UTC.
    """

    __tablename__ = "AccessToken"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcTimestamp())
    expires_at: Mapped[datetime] = mapped_column(UtcTimestamp())
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTimestamp(), default=None)
