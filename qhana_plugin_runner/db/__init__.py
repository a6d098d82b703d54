"""The database: engine, models, migrations."""

from typing import Any

from . import db
from .db import DB, register_db

__all__ = ["DB", "MIGRATE", "register_db"]


def __getattr__(name: str) -> Any:
    """Import ``MIGRATE`` at first use."""
    if name == "MIGRATE":
        return db.MIGRATE
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
