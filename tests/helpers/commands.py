"""Run the commands of the runner in processes of their own."""

import subprocess
import sys
from textwrap import dedent

from helpers.product import CHECKOUT, outside_environment


def flask(instance, *arguments, **variables):
    """Run ``flask ...`` for an instance folder and return the completed process."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "qhana_plugin_runner", *arguments],
        env=outside_environment(
            QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(instance),
            PLUGIN_FOLDERS="",
            FLASK_SKIP_DOTENV="1",
            **variables,
        ),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def in_a_process(code, **variables):
    """Run code in a process of its own and return the words that it prints."""
    result = subprocess.run(
        [sys.executable, "-c", dedent(code)],
        env=outside_environment(PYTHONPATH=str(CHECKOUT), **variables),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()
