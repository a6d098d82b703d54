"""What the product says of plugins when it starts."""

import threading
from pathlib import Path

from qhana_plugin_runner.checks.at_start import log_findings
from qhana_plugin_runner.operations.loop import AT_START, Maintenance

GOOD = Path(__file__).with_name("good.py").read_text("utf-8")


def test_untrue_metadata_is_named_in_the_log_with_its_cure(plugins, caplog):
    plugins.write("good.py", GOOD)
    plugins.write(
        "bad.py", GOOD.replace('"good"', '"bad"').replace('"Good", "C', '"", "C')
    )
    log_findings(plugins.app())
    assert [each for each in caplog.messages if each.startswith("plugin ")] == [
        "plugin bad@v1-0-0: The metadata has no title. Fill it in: people and clients find the "
        "plugin by it."
    ]


def test_it_is_said_once_when_the_maintenance_starts(plugins):
    app = plugins.app()
    assert len(app.extensions[AT_START]) == 1
    called = threading.Event()
    app.extensions[AT_START] = [lambda given: given is app and called.set()]
    maintenance = Maintenance(app, jobs=[])
    maintenance.start()
    assert called.wait(60)
    maintenance.stop()
