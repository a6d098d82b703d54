"""What the product says of plugins when it starts."""

import threading
from pathlib import Path

import pytest

from qhana_plugin_runner.checks.metadata import log_findings
from qhana_plugin_runner.operations.loop import AT_START, Maintenance

GOOD = Path(__file__).with_name("good.py").read_text("utf-8")


def test_untrue_metadata_is_named_in_the_log_with_its_cure(plugins, caplog):
    plugins.write("good.py", GOOD)
    plugins.write(
        "bad.py", GOOD.replace('"good"', '"bad"').replace('"Good", "C', '"", "C')
    )
    log_findings(plugins.app())
    assert [each for each in caplog.messages if each.startswith("plugin ")] == [
        "plugin bad@v1-0-0: The metadata has no title. Fill it in: people and clients use it "
        "to find the plugin."
    ]


@pytest.mark.parametrize(
    "setting", [{"OPENAPI_URL_PREFIX": "/api"}, {"APPLICATION_ROOT": "/sub"}]
)
def test_plugins_below_a_prefix_are_right(plugins, caplog, setting):
    plugins.write("good.py", GOOD.replace('"good"', f'"{[*setting][0].lower()}"'))
    app = plugins.app(**setting)
    log_findings(app)
    assert app.extensions["qhana_plugins"].mounted
    assert not [each for each in caplog.messages if each.startswith("plugin ")]


def test_it_is_said_once_when_the_maintenance_starts(plugins):
    app = plugins.app()
    assert len(app.extensions[AT_START]) == 1
    called = threading.Event()
    app.extensions[AT_START] = [lambda given: given is app and called.set()]
    maintenance = Maintenance(app, jobs=[])
    maintenance.start()
    assert called.wait(60)
    maintenance.stop()
