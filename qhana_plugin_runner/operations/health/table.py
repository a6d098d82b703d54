"""The one table of health checks: to add a check, add a row."""

from flask_babel import lazy_gettext as _

from .broker import BROKER_CURE, look_at_broker
from .database import DATABASE_CURE, look_at_database, look_at_schema
from .host import (
    look_at_clocks,
    look_at_disk,
    look_at_plugins,
    look_at_secret_key,
)
from .maintenance import look_at_maintenance
from .ports import look_at_port
from .proxies import look_at_proxies
from .result import Check
from .storage import look_at_stores
from .workers import look_at_queues, look_at_workers

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
        patience=5.0,
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
    Check(
        "queues",
        _("Queues"),
        "Whether some worker takes from each queue.",
        look_at_queues,
        BROKER_CURE,
        needs="broker",
        max_age=5.0,
        patience=3.0,
    ),
    Check(
        "storage",
        _("File stores"),
        "Whether a file can be written to the default store, read, and removed; whether files of "
        "other stores that are in use can be read.",
        look_at_stores,
        DATABASE_CURE,
        needs="schema",
        max_age=300.0,
        patience=30.0,
    ),
    Check(
        "maintenance",
        _("Maintenance"),
        "Whether some process does each job of the maintenance.",
        look_at_maintenance,
        DATABASE_CURE,
        needs="schema",
        max_age=10.0,
    ),
    Check(
        "plugins",
        _("Plugins"),
        "Whether the plugin folders are there, and their plugins are served; which packages are "
        "missing.",
        look_at_plugins,
    ),
    Check(
        "disk",
        _("Disk"),
        "Whether there is room for files, the database, and temporary files of this host.",
        look_at_disk,
        max_age=10.0,
    ),
    Check(
        "clocks",
        _("Clocks"),
        "Whether the clocks of this host, the database, the broker and the workers agree.",
        look_at_clocks,
    ),
    Check(
        "secret_key",
        _("Secret key"),
        "Whether the key is the same for web server and workers, and kept from others.",
        look_at_secret_key,
    ),
    Check(
        "proxies",
        _("Reverse proxies"),
        "Whether requests came through as many proxies as REVERSE_PROXY_COUNT says.",
        look_at_proxies,
        max_age=10.0,
    ),
    Check(
        "port",
        _("Port"),
        "Whether the port of the web server is free, or a runner answers there.",
        look_at_port,
        for_doctor=True,
    ),
)
"""All health checks."""
