"""What plugins are told of is looked for in the log."""

import pytest


@pytest.fixture(autouse=True)
def warnings_logged(caplog):
    """Celery's test worker leaves the root logger with the level of errors."""
    caplog.set_level("WARNING")
