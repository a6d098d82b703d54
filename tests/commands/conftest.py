"""Commands of ``invoke``, run in processes of their own."""

import subprocess
import sys

import pytest
from helpers.product import CHECKOUT, outside_environment


@pytest.fixture
def invoke(tmp_path):
    """Run a task with an instance folder of its own and return the completed process."""

    instance = {"QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER": str(tmp_path / "instance")}

    def invoke(*arguments, **variables):
        return subprocess.run(
            [sys.executable, "-m", "invoke", *arguments],
            env=outside_environment(**{**instance, **variables}),
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return invoke
