"""Commands that create and drop all tables, for development."""

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import stamp, upgrade
from sqlalchemy import inspect, text

from .connection import connection_errors
from .db import DB
from .models.tasks import ProcessingTask

__all__ = ["DB", "create_db_function", "drop_db_function"]


def create_db_function(app: Flask) -> None:
    """Create missing tables and mark the database as up to date.

    A database with tables is upgraded first: only migrations can change existing tables.
    """
    with app.app_context():
        with connection_errors(DB.engine.url):
            is_new = not inspect(DB.engine).has_table(ProcessingTask.__tablename__)
        if not is_new:
            upgrade()
        DB.create_all()
        if is_new:
            stamp()
    app.logger.info("Created the database.")


def drop_db_function(app: Flask) -> None:
    """Drop all tables of the runner and of its loaded plugins, with all data."""
    with app.app_context():
        with connection_errors(DB.engine.url):
            DB.engine.connect().close()
        DB.drop_all()
        DB.session.execute(text("DROP TABLE IF EXISTS alembic_version"))
        DB.session.commit()
    app.logger.info("Dropped the database.")


@click.command("create-db")
@with_appcontext
def create_db() -> None:
    """Create all missing tables."""
    create_db_function(current_app._get_current_object())  # type: ignore[attr-defined]
    click.echo("Database created.")


@click.command("drop-db")
@with_appcontext
def drop_db() -> None:
    """Drop all tables with all data."""
    drop_db_function(current_app._get_current_object())  # type: ignore[attr-defined]
    click.echo("Database dropped.")
