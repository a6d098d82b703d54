"""Which requirements exclude each other, found without asking a package index."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from ...util.secrets_in_text import without_secrets
from .lines import Requirement

__all__ = ["Conflict", "conflict_table", "find_conflicts"]

RUNNER = "the runner"
"""Who asks for the versions that the runner itself was installed with."""


@dataclass(frozen=True)
class Conflict:
    """Two requirements that no version of the package can meet.

    Attributes:
        requirement: what a plugin asks for.
        other: what another plugin, the runner, or the same plugin in another line asks for.
    """

    requirement: Requirement
    other: Requirement


def find_conflicts(
    wanted: Iterable[Requirement], pinned: Iterable[Requirement]
) -> list[Conflict]:
    """Find all pairs that exclude each other.

    Only what the requirements themselves say is compared. What the packages in turn need is
    known to pip alone.

    Parameters:
        wanted: what the plugins ask for.
        pinned: the exact versions of the runner's own packages.
    """
    by_name = defaultdict(list)
    for requirement in wanted:
        if requirement.name and requirement.counts_here:
            by_name[requirement.name].append(requirement)
    pins = {pin.name: pin for pin in pinned}
    conflicts = []
    for name, requirements in sorted(by_name.items()):
        if name in pins:
            pairs = [(requirement, pins[name]) for requirement in requirements]
            conflicts += [Conflict(*pair) for pair in pairs if _exclude(*pair)]
        pairs = list(combinations(requirements, 2))
        conflicts += [Conflict(*pair) for pair in pairs if _exclude(*pair)]
    return conflicts


def _exclude(one: Requirement, other: Requirement) -> bool:
    assert one.parsed is not None and other.parsed is not None  # they have names
    if one.parsed.url or other.parsed.url:
        # Which version is behind a URL is not known, but there cannot be two of them.
        both = one.parsed.url and other.parsed.url
        return bool(both) and one.parsed.url != other.parsed.url
    return _is_empty(one.parsed.specifier & other.parsed.specifier)


def _is_empty(specifiers: SpecifierSet) -> bool:
    """Whether no version that could ever be released meets the specifiers."""
    return bool(len(specifiers)) and not any(
        specifiers.contains(version, prereleases=True)
        for specifier in specifiers
        for version in _versions_around(specifier)
    )


def _versions_around(specifier: Specifier) -> Iterator[str]:
    """Yield versions at, below and above the bound that a specifier draws.

    Specifiers are intervals, so when any version meets a set of them, one next to a bound does.
    """
    text = specifier.version.removesuffix(".*")
    yield text
    yield "0"
    try:
        version = Version(text)
    except InvalidVersion:
        return  # of ===, which compares texts
    epoch = f"{version.epoch}!" if version.epoch else ""
    release = version.release
    for cut in range(len(release)):  # the next after ==1.4.* or ~=1.4.2 is 1.5
        numbers = (*release[:cut], release[cut] + 1)
        yield epoch + ".".join(map(str, numbers))
    yield f"{epoch}{version.base_version.removeprefix(epoch)}.0.0.0.1"
    yield f"{epoch}0"
    if version.pre:
        letter, number = version.pre
        yield f"{version.base_version}{letter}{number + 1}"
    if version.post is not None:
        yield f"{version.base_version}.post{version.post + 1}"
    if version.dev is not None:
        yield f"{str(version).rpartition('.dev')[0]}.dev{version.dev + 1}"


def conflict_table(conflicts: Iterable[Conflict]) -> str:
    """Return the conflicts as a table for people."""
    rows = [("plugin", "requirement", "conflicts with")]
    for conflict in conflicts:
        requirement, other = conflict.requirement, conflict.other
        against = f"{other.owner}: {without_secrets(other.text)}"
        rows.append((requirement.owner, without_secrets(requirement.text), against))
    widths = [max(map(len, column)) for column in zip(*rows)]
    rows.insert(1, ("-" * widths[0], "-" * widths[1], "-" * widths[2]))
    return "\n".join(
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in rows
    )
