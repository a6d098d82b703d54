"""All names that known plugins use are there."""

import subprocess
import sys
from pathlib import Path

from helpers.product import CHECKOUT, outside_environment


def test_nothing_of_the_python_surface_is_missing(tmp_path):
    result = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("check.py"))],
        env=outside_environment(
            QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path), PYTHONPATH=str(CHECKOUT)
        ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "missing" not in result.stdout
