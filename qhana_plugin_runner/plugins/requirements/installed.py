"""Which requirements the installed packages do not meet."""

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .lines import RequirementsError, read_requirements


def unmet(text: str) -> list[str]:
    """Return the lines of a ``requirements.txt`` that the installed packages do not meet.

    What packages need in turn is up to pip, but for the extras that are asked for. Bare URLs,
    whose packages only pip finds out, count as met, and so does what cannot be read.

    >>> unmet("flask\\ncelery >=99\\nwinloop; sys_platform == 'win32'")
    ['celery>=99']
    """
    try:
        requirements = read_requirements("", text)
    except RequirementsError:
        return []
    return [
        each.text
        for each in requirements
        if each.parsed is not None and not _is_met(each.parsed, "", set())
    ]


def _is_met(wanted: Requirement, extra: str, seen: set[tuple[str, str]]) -> bool:
    """Return whether a requirement, of an extra of another package if it is given, is met."""
    if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
        return True
    try:
        found = distribution(wanted.name)
    except PackageNotFoundError:
        return False
    if not wanted.specifier.contains(found.version, prereleases=True):
        return False
    name = canonicalize_name(wanted.name)
    for each in {(name, extra) for extra in wanted.extras} - seen:
        seen.add(each)
        needed = map(Requirement, found.requires or ())
        if not all(_is_met(one, each[1], seen) for one in needed if one.marker):
            return False
    return True
