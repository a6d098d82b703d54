"""Settings of apps that do maintenance, unlike those of other tests."""

import pytest
from helpers.runner import runner
from helpers.worker import NO_BROKER

# Nobody sends messages here, so no broker has to be there.
WORKING = {"TESTING": False, "CELERY": NO_BROKER, "PLUGIN_FOLDERS": []}


@pytest.fixture
def working_app(tmp_path):
    """An app that does maintenance; a lease lasts for a second."""
    with runner(tmp_path, MAINTENANCE_LEASE_SECONDS=1, **WORKING) as app:
        yield app
