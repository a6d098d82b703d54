"""Apps with a database of each kind, and a receiver of webhooks."""

import pytest
from helpers.databases import app, postgresql, postgresql_database  # noqa: F401
from helpers.receiver import receiving


@pytest.fixture
def webhook():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def context(app):  # noqa: F811
    with app.app_context():
        yield
