"""The migrations of the database. Imported when they are used, because Alembic takes time."""

from pathlib import Path

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

MIGRATE = Migrate()


def register_migrations(app: Flask, database: SQLAlchemy) -> None:
    """Connect an app to the migrations."""
    MIGRATE.init_app(app, database, directory=str(migrations_folder()))


def migrations_folder() -> Path:
    """Return the folder of the migrations: in an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"
