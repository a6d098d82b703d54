"""The script of plotly, as its package brings it, so that no page needs another host.

The package may be missing, and is never imported.
"""

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

PLOTLY = "plotly.min.js"
"""The name of the file for browsers."""


@cache
def plotly_file() -> Path:
    """Return the file.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package 'plotly' is not installed", name="plotly")
    return Path(spec.origin).parent / "package_data" / PLOTLY


@cache
def plotly_version() -> str:
    """Return the version of the package.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    return version("plotly")
