"""Settings are read without what the environment of the tests says."""

import pytest

from qhana_plugin_runner.util.config import SETTINGS


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch):
    variables = {variable for setting in SETTINGS for variable in setting.env}
    variables |= {"FLASK_ENV", "FLASK_DEBUG", "QHANA_PLUGIN_RUNNER_SETTINGS"}
    for variable in variables | {"QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER"}:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(autouse=True)
def warnings_logged(caplog):
    """Celery's test worker leaves the root logger with the level of errors."""
    caplog.set_level("WARNING")
