"""Tasks of a worker do not slow each other down by threads that wait."""

import pytest
from helpers.commands import in_a_process

VARIABLES = ("OMP_WAIT_POLICY", "OPENBLAS_THREAD_TIMEOUT")


@pytest.mark.parametrize("given, used", [((), ["PASSIVE", "4"]), (("active", "20"),) * 2])
def test_threads_of_libraries_sleep_while_they_wait(tmp_path, monkeypatch, given, used):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)  # those of the tests
    printed = in_a_process(
        f"""\
        import os, sys
        import qhana_plugin_runner.celery_worker
        assert "numpy" not in sys.modules  # it reads the variables
        print(*[os.environ[name] for name in {VARIABLES!r}])
        """,
        PLUGIN_FOLDERS="",
        QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path),
        **dict(zip(VARIABLES, given)),
    )
    assert printed == list(used)
