"""Installed third-party packages of the runner and their licenses."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    PackagePath,
    distribution,
    requires,
)
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OWN_NAME = "qhana-plugin-runner"

# Names of license files in packages that do not declare them.
_FILE_NAMES = ("LICEN", "COPYING", "NOTICE")


@dataclass(frozen=True)
class Package:
    """A direct or indirect dependency of the runner.

    Attributes:
        name: the normalized name.
        version: the installed version.
        license: the declared license, an SPDX expression if there is one.
        text: the license texts in the package, empty if there are none.
    """

    name: str
    version: str
    license: str
    text: str


@cache
def third_party_packages() -> tuple[Package, ...]:
    """Return the direct and indirect dependencies of the runner, sorted by name.

    They are read from the environment, so that they are the ones in use.
    """
    return tuple(
        Package(name, found.version, _license_of(found), _text_of(found))
        for name, found in sorted(_distributions().items())
    )


def _distributions() -> dict[str, Distribution]:
    """Return the installed packages for all requirements by normalized name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    # Pairs of the name of a requirement and one of its extras; each package has the extra "".
    waiting = list(_wanted(_own_requirements(), ""))
    while waiting:
        name, extra = wanted = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        try:
            installed = found[name] if name in found else distribution(name)
        except PackageNotFoundError:
            continue  # an optional one, or the runner would not have started
        found[name] = installed
        waiting += _wanted(installed.requires or [], extra)
    return found


def _own_requirements() -> list[str]:
    """Return the requirements of the runner, which is not installed in a checkout."""
    checkout = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if checkout.is_file():
        project = tomllib.loads(checkout.read_text("utf-8"))["project"]
        return list(project["dependencies"])
    return requires(OWN_NAME) or []


def _wanted(requirements: list[str], extra: str) -> Iterator[tuple[str, str]]:
    """Yield each requirement that applies here, with "" and each of its extras."""
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        for wanted in ("", *requirement.extras):
            yield canonicalize_name(requirement.name), wanted


def _license_of(found: Distribution) -> str:
    metadata = found.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    stated = _stated(found)
    if stated and "\n" not in stated:
        return stated
    prefix = "License :: "
    names = [
        classifier.rpartition(" :: ")[2]
        for classifier in metadata.get_all("Classifier") or []
        if classifier.startswith(prefix)
    ]
    return " / ".join(names) or stated.partition("\n")[0]


def _stated(found: Distribution) -> str:
    """Return the older license field; in some packages it has the whole text."""
    return found.metadata["License"].strip() if "License" in found.metadata else ""


def _text_of(found: Distribution) -> str:
    """Return the license texts in the metadata of a package."""
    named = found.metadata.get_all("License-File") or []
    texts = []
    for path in sorted(found.files or [], key=str):
        if _is_license(path, named):
            text = Path(path.locate()).read_bytes().decode("utf-8", "replace").strip()
            texts.append(text)
    stated = _stated(found)
    if not texts and "\n" in stated:
        texts.append(stated)
    return "\n\n".join(dict.fromkeys(texts))


def _is_license(path: PackagePath, named: list[str]) -> bool:
    folder, *inner = path.parts
    if not folder.endswith(".dist-info") or not inner:
        return False
    inside = "/".join(inner)
    return inside.removeprefix("licenses/") in named or (
        path.name.upper().startswith(_FILE_NAMES)
    )
