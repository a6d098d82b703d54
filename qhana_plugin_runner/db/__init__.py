"""The database: engine, models, migrations. Knows nothing of HTTP and Celery."""

from .db import DB, MIGRATE, register_db

__all__ = ["DB", "MIGRATE", "register_db"]
