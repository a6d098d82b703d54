"""Tasks of a worker do not slow each other down by threads that wait."""

import pytest
from helpers.commands import in_a_process


@pytest.mark.parametrize(
    "given, used", [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "active"}, "active")]
)
def test_threads_of_libraries_sleep_while_they_wait(tmp_path, monkeypatch, given, used):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)  # that of the tests
    printed = in_a_process(
        """\
        import os, sys
        import qhana_plugin_runner.celery_worker
        assert "numpy" not in sys.modules  # it reads the variable
        print(os.environ["OMP_WAIT_POLICY"])
        """,
        PLUGIN_FOLDERS="",
        QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path),
        **given,
    )
    assert printed == [used]
