"""Requirements that exclude each other, found without asking a package index."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

from ...util.redaction import redact_urls
from .lines import Requirement

RUNNER = "the runner"
"""Owner of the versions that the runner itself was installed with."""


class Conflict(NamedTuple):
    """Two requirements that no version of the package can meet.

    Attributes:
        requirement: of a plugin.
        other: of another plugin, of the runner, or of the same plugin in another line.
    """

    requirement: Requirement
    other: Requirement


def find_conflicts(
    wanted: Iterable[Requirement], pinned: Iterable[Requirement]
) -> list[Conflict]:
    """Find all pairs of requirements that exclude each other.

    Only the requirements themselves are compared; what the packages depend on is up to pip.

    Args:
        wanted: the requirements of plugins.
        pinned: the exact versions of the runner's own packages.
    """
    by_name = defaultdict(list)
    for requirement in wanted:
        if requirement.name and requirement.applies_here:
            by_name[requirement.name].append(requirement)
    pins = {pin.name: pin for pin in pinned}
    return [
        Conflict(*pair)
        for name, requirements in sorted(by_name.items())
        for pair in (
            *((each, pins[name]) for each in requirements if name in pins),
            *combinations(requirements, 2),
        )
        if _exclude_each_other(*pair)
    ]


def _exclude_each_other(one: Requirement, other: Requirement) -> bool:
    assert one.parsed is not None and other.parsed is not None  # they have names
    if one.parsed.url or other.parsed.url:
        # The version behind a URL is unknown, but two URLs cannot both be installed.
        both = one.parsed.url and other.parsed.url
        return bool(both) and one.parsed.url != other.parsed.url
    return (one.parsed.specifier & other.parsed.specifier).is_unsatisfiable()


def conflict_table(conflicts: Iterable[Conflict]) -> str:
    """Return the conflicts as a text table."""
    rows = [("plugin", "requirement", "conflicts with")]
    for each in conflicts:
        against = redact_urls(f"{each.other.owner}: {each.other.text}")
        rows.append((each.requirement.owner, redact_urls(each.requirement.text), against))
    widths = [max(map(len, column)) for column in zip(*rows)]
    rows.insert(1, ("-" * widths[0], "-" * widths[1], "-" * widths[2]))
    return "\n".join(
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in rows
    )
