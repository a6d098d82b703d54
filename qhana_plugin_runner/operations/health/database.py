"""Checks of the database: whether it answers, and whether its schema is the one of the models."""

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import false, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from ...db import DB
from ...db.db import REGISTRY
from ...util.error_text import error_text
from ...util.revisions import heads, known_revisions
from .result import Outcome, Problem, Status

DATABASE_CURE = _(
    "Start the database, or correct SQLALCHEMY_DATABASE_URI (driver, host, port, password, name)."
)

_UPGRADE = _("Run `flask db upgrade` (`invoke upgrade-db`) on one host.")

_MODELS = "qhana_plugin_runner.db.models."


def look_at_database() -> Outcome:
    """Look whether the database answers."""
    url = make_url(current_app.config["SQLALCHEMY_DATABASE_URI"])
    with DB.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        version = ".".join(map(str, connection.dialect.server_version_info or ()))
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(
        url.get_backend_name(), url.get_backend_name()
    )
    return Outcome(f"{name} {version}, {url.set(query={}, password=None)}")


def look_at_schema() -> Outcome:
    """Look whether the database has the tables and columns of this version."""
    with DB.engine.connect() as connection:
        for mapper in REGISTRY.mappers:
            if not mapper.class_.__module__.startswith(_MODELS):
                continue
            try:
                connection.execute(select(mapper.local_table).where(false()))
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise
                summary = _("schema out of date: run “flask db upgrade”")
                cause = error_text(error.orig or error)
                problem = Problem(summary, cause, _UPGRADE, Status.UNAVAILABLE)
                return Outcome(problems=[problem])
        try:
            query = text("SELECT version_num FROM alembic_version")
            found = set(connection.scalars(query))
        except DBAPIError:
            connection.rollback()
            found = set()  # made by `flask create-db`
    revisions = ", ".join(sorted(found)) or "none"
    if not found or found == heads():
        return Outcome(_("revision %(revisions)s", revisions=revisions))
    if found <= known_revisions():
        cause = _("The database is at revision %(revisions)s.", revisions=revisions)
        summary = _("schema out of date: run “flask db upgrade”")
        problem = Problem(summary, cause, _UPGRADE)
    else:
        problem = Problem(
            _("schema is newer"),
            _(
                "The database is at revision %(revisions)s, which this version does "
                "not know. Everything that this version needs is there.",
                revisions=revisions,
            ),
            _("Finish the upgrade: restart this process with the new version."),
            Status.OK,
        )
    return Outcome(_("revision %(revisions)s", revisions=revisions), [problem])
