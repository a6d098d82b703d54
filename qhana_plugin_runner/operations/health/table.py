"""The one table of health checks: to add a check, add a row."""

from flask_babel import lazy_gettext as _

from .broker import BROKER_CURE, look_at_broker
from .database import DATABASE_CURE, look_at_database, look_at_schema
from .result import Check
from .workers import look_at_workers

__all__ = ["CHECKS"]

CHECKS = (
    Check(
        "database",
        _("Database"),
        "Whether the database answers.",
        look_at_database,
        DATABASE_CURE,
        is_vital=True,
        is_service=True,
        max_age=2.0,
    ),
    Check(
        "schema",
        _("Schema"),
        "Whether the database has the tables and columns of this version.",
        look_at_schema,
        DATABASE_CURE,
        needs="database",
        is_vital=True,
        max_age=30.0,
    ),
    Check(
        "broker",
        _("Broker"),
        "Whether the broker answers, keeps what it is given on disk, drops nothing, and has room.",
        look_at_broker,
        BROKER_CURE,
        is_service=True,
        max_age=5.0,
        patience=3.0,
    ),
    Check(
        "workers",
        _("Workers"),
        "Which workers live, and whether they know the plugins of the web server.",
        look_at_workers,
        BROKER_CURE,
        needs="broker",
        is_service=True,
        max_age=5.0,
        patience=3.0,
    ),
)
"""All health checks."""
