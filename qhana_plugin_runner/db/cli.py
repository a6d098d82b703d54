"""Commands that create and drop the tables without migrations, for development."""

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import stamp
from sqlalchemy import text

from .db import DB

__all__ = ["DB", "create_db_function", "drop_db_function", "register_commands"]


def create_db_function(app: Flask) -> None:
    """Create the tables that are missing and mark the database as up to date."""
    with app.app_context():
        DB.create_all()
        stamp()
    app.logger.info("Created the database.")


def drop_db_function(app: Flask) -> None:
    """Drop all tables of the runner, with everything in them."""
    with app.app_context():
        DB.reflect()
        DB.drop_all()
        DB.session.execute(text("DROP TABLE IF EXISTS alembic_version"))
        DB.session.commit()
    app.logger.info("Dropped the database.")


@click.command("create-db")
@with_appcontext
def create_db() -> None:
    """Create all tables (does not run migrations)."""
    create_db_function(current_app._get_current_object())  # type: ignore[attr-defined]
    click.echo("Database created.")


@click.command("drop-db")
@with_appcontext
def drop_db() -> None:
    """Drop all tables with everything in them."""
    drop_db_function(current_app._get_current_object())  # type: ignore[attr-defined]
    click.echo("Database dropped.")


def register_commands(app: Flask) -> None:
    app.cli.add_command(create_db)
    app.cli.add_command(drop_db)
