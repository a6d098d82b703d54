"""The version of the runner, which one place holds: ``pyproject.toml``."""

import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

_NAME = "qhana-plugin-runner"


@cache
def runner_version() -> str:
    """Return the version of this checkout, else that of the installed package.

    An environment of a checkout need not know the package, or may know it from before an update.

    Raises:
        importlib.metadata.PackageNotFoundError: the package is neither of the two.
    """
    file = Path(__file__).parents[1] / "pyproject.toml"
    if file.is_file():
        project = tomllib.loads(file.read_text("utf-8")).get("project", {})
        if project.get("name") == _NAME:
            return str(project["version"])
    return version(_NAME)
