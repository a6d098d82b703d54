"""The one table of health checks: to add a check, add a row."""

from flask_babel import lazy_gettext as _

from .broker import BROKER_CURE, look_at_broker
from .database import DATABASE_CURE, look_at_database, look_at_schema
from .host import (
    look_at_clocks,
    look_at_disk,
    look_at_plugins,
    look_at_port,
    look_at_secret_key,
)
from .maintenance import look_at_maintenance
from .proxies import look_at_proxies
from .result import Check
from .storage import look_at_stores
from .workers import look_at_queues, look_at_workers

CHECKS = (
    Check(
        "database",
        _("Database"),
        look_at_database,
        DATABASE_CURE,
        is_vital=True,
        is_service=True,
        max_age=2.0,
        patience=5.0,
    ),
    Check(
        "schema",
        _("Schema"),
        look_at_schema,
        DATABASE_CURE,
        needs="database",
        is_vital=True,
        max_age=30.0,
    ),
    Check(
        "broker",
        _("Broker"),
        look_at_broker,
        BROKER_CURE,
        is_service=True,
        max_age=5.0,
        patience=3.0,
    ),
    Check(
        "workers",
        _("Workers"),
        look_at_workers,
        BROKER_CURE,
        needs="broker",
        is_service=True,
        max_age=5.0,
        patience=3.0,
    ),
    Check(
        "queues",
        _("Queues"),
        look_at_queues,
        BROKER_CURE,
        needs="broker",
        max_age=5.0,
        patience=3.0,
    ),
    Check(
        "storage",
        _("File stores"),
        look_at_stores,
        DATABASE_CURE,
        needs="schema",
        max_age=300.0,
        patience=30.0,
    ),
    Check(
        "maintenance",
        _("Maintenance"),
        look_at_maintenance,
        DATABASE_CURE,
        needs="schema",
        max_age=10.0,
    ),
    Check("plugins", _("Plugins"), look_at_plugins),
    Check("disk", _("Disk"), look_at_disk, max_age=10.0),
    Check("clocks", _("Clocks"), look_at_clocks),
    Check("secret_key", _("Secret key"), look_at_secret_key),
    Check("proxies", _("Reverse proxies"), look_at_proxies, max_age=10.0),
    Check("port", _("Port"), look_at_port, for_doctor=True),
)
"""All health checks."""
