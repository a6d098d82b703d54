"""Scripts for browsers that come in Python packages, so that no page needs another host."""

from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class PackageFile:
    """A file in a package, which may be missing; the package is never imported.

    Attributes:
        name: The name of the file for browsers.
        package: The package.
        place: Where it is in the package.
    """

    name: str
    package: str
    place: str

    @cached_property
    def path(self) -> Path:
        """The file.

        Raises:
            ModuleNotFoundError: the package is not installed.
        """
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(
                f"the package {self.package!r} is not installed", name=self.package
            )
        return Path(spec.origin).parent / self.place

    @cached_property
    def version(self) -> str:
        """The version of the package.

        Raises:
            importlib.metadata.PackageNotFoundError: it is not installed.
        """
        return version(self.package)


PLOTLY = PackageFile("plotly.min.js", "plotly", "package_data/plotly.min.js")

PACKAGE_FILES = {each.name: each for each in (PLOTLY,)}
