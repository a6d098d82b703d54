"""The migrations of the database. Only what runs them imports this module, and with it Alembic."""

from flask import Flask
from flask_migrate import Migrate

from .db import DB, migrations_folder

__all__ = ["MIGRATE", "register_migrations"]

MIGRATE = Migrate()


def register_migrations(app: Flask) -> None:
    """Connect an app to the migrations."""
    MIGRATE.init_app(app, DB, directory=str(migrations_folder()))
