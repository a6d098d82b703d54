"""Access tokens: issue, list, revoke."""

import re
from datetime import timedelta
from enum import StrEnum

from flask_jwt_extended import create_access_token, get_jti
from sqlalchemy import select

from ..db import DB
from ..db.db import database_time
from ..db.models.access_tokens import AccessToken


class Role(StrEnum):
    """What a token allows; each role includes those before it."""

    READ = "read"
    RUN = "run"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Tell whether everything that the other role may do is allowed."""
        roles = list(Role)
        return roles.index(self) >= roles.index(other)


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def as_lifetime(text: str) -> timedelta:
    """Parse a number with a unit, such as ``7d``; the units are s, m, h, d and w.

    Raises:
        ValueError: the text is something else, or more than ten years.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,8})([smhdw])", text)
    if match:
        lifetime = timedelta(**{_UNITS[match[2]]: int(match[1])})
        if lifetime <= timedelta(days=3660):
            return lifetime
    raise ValueError(
        f"{text!r} must be a number with a unit, up to ten years: 30m, 12h, 7d"
    )


def issue(name: str, role: Role, lifetime: timedelta) -> str:
    """Make a token, signed with ``SECRET_KEY``, and remember that it was made.

    Args:
        name: whom it is for, up to 100 characters.
        role: what it allows.
        lifetime: when it ends.

    Returns:
        The token. It cannot be had again.
    """
    token: str = create_access_token(
        identity=name, additional_claims={"role": role}, expires_delta=lifetime
    )
    now = DB.session.execute(select(database_time())).scalar_one()
    DB.session.add(
        AccessToken(
            id=str(get_jti(token)),
            name=name,
            role=role,
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    DB.session.commit()
    return token


def issued() -> list[AccessToken]:
    """Return all tokens that were issued, the newest first."""
    newest = select(AccessToken).order_by(AccessToken.created_at.desc(), AccessToken.id)
    return list(DB.session.scalars(newest))


def revoke(token_id: str) -> bool:
    """Revoke a token for ever; tell whether it was valid until now."""
    row = DB.session.get(AccessToken, token_id, with_for_update=True)
    if row is None or row.revoked_at is not None:
        DB.session.rollback()
        return False
    row.revoked_at = DB.session.execute(select(database_time())).scalar_one()
    DB.session.commit()
    return True


def is_revoked(token_id: str | None) -> bool:
    """Tell whether the token with this ``jti`` was revoked."""
    if not token_id:
        return False
    revoked = select(AccessToken.revoked_at).where(AccessToken.id == token_id)
    return DB.session.scalar(revoked) is not None
