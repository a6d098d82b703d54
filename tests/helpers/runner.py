"""Apps for tests, each with a database and files of its own."""

import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from qhana_plugin_runner import create_app
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask

IN_MEMORY = {"broker_url": "memory://", "result_backend": "cache+memory://"}

_empty_files = {}


def create_tables():
    """Create the tables of all models in the database of the current app.

    A new SQLite file is a copy of the first one that was made for the same models.
    """
    models = tuple(DB.metadata.tables.values())
    url = DB.engine.url
    file = Path(url.database or ":memory:")
    is_new = url.drivername == "sqlite" and file.name != ":memory:" and not file.exists()
    if is_new and models in _empty_files:
        file.write_bytes(_empty_files[models])
        return
    DB.create_all()
    if is_new:
        DB.engine.dispose()  # when nobody has it open, the file is all there is
        _empty_files[models] = file.read_bytes()


@contextmanager
def runner(folder, tables=True, **settings):
    """Make an app with an SQLite file in the folder, and release all of it in the end.

    Args:
        folder: holds the database (``runner.db``) and the files of tasks (``files``)
        tables: whether to create the tables
        settings: go over those that all tests use
    """
    app = create_app(
        {
            "SECRET_KEY": "only for tests, and long enough for tokens",
            "TESTING": True,
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder}/runner.db",
            "FILE_STORE_ROOT_PATH": f"{folder}/files",
            "FILE_URL_FOLDERS": os.environ["FILE_URL_FOLDERS"],
            "CELERY": IN_MEMORY,
            **settings,
        },
        silent_log=True,
    )
    if tables:
        with app.app_context():
            create_tables()
    try:
        yield app
    finally:
        with app.app_context():
            DB.session.remove()
            DB.engine.dispose()


@pytest.fixture
def app(empty_app):
    """The app of a test; rooms and modules whose app has more in it have their own."""
    return empty_app


@pytest.fixture
def context(app):
    """The context of the app, during the test."""
    with app.app_context():
        yield


@pytest.fixture
def client(app):
    """A client of the app."""
    return app.test_client()


@pytest.fixture
def task(context):
    """A task that is saved, and nothing more."""
    task = ProcessingTask("a-task")
    task.save(commit=True)
    return task
