"""What authors of plugins get for their tests."""

import shutil
import subprocess
import sys
from pathlib import Path

from helpers.markdown import only_block
from helpers.product import CHECKOUT, outside_environment


def pytest_of_an_author(folder, *arguments, **variables):
    """Run pytest in a folder that knows nothing of this project's settings."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", "."]
    return subprocess.run(
        [*command, "-q", "-W", "error", *arguments],
        cwd=folder,
        env=outside_environment(PYTHONDONTWRITEBYTECODE="1", **variables),
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_tests_of_plugins_run_without_a_broker_or_with_all_of_the_product(tmp_path):
    documented = only_block("how-to/test-a-plugin.md", "plugin-test").text
    (tmp_path / "test_documented.py").write_text(documented)
    shutil.copy(Path(__file__).with_name("author.py"), tmp_path / "test_author.py")
    plugins = str(CHECKOUT / "plugins")
    result = pytest_of_an_author(tmp_path, PLUGIN_FOLDERS=plugins, PRODUCT="yes")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "13 passed" in result.stdout
