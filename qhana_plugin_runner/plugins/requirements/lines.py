"""Reads the text of a ``requirements.txt`` line by line, and finds what is not installed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from ...errors import RunnerError
from ...util.redaction import redact_urls

# Like pip: a comment starts the line or follows a blank, so fragments of URLs are not comments.
_COMMENT = re.compile(r"(^|\s+)#.*$")
_URL = re.compile(r"([a-z]+\+)?[a-z]+://\S+( ;.*)?", re.IGNORECASE)
_HASH = re.compile(r"\s--hash\b")


class RequirementsError(RunnerError):
    """The requirements of a plugin cannot be read; they are skipped."""


@dataclass(frozen=True)
class Requirement:
    """One requirement.

    Attributes:
        owner: the plugin's identifier or file, or the runner.
        text: the requirement in one line, without its comment.
        parsed: the parsed line; None for a bare URL, whose package only pip finds out.
    """

    owner: str
    text: str
    parsed: Parsed | None

    @property
    def name(self) -> str | None:
        """The normalized name of the package without extras; None for a bare URL."""
        return canonicalize_name(self.parsed.name) if self.parsed else None

    @property
    def applies_here(self) -> bool:
        """Whether the environment marker, if there is one, holds for this Python."""
        marker = self.parsed.marker if self.parsed else None
        return marker is None or marker.evaluate()


def read_requirements(owner: str, text: str) -> list[Requirement]:
    """Read the requirements of one plugin.

    Options of pip are refused: plugins name packages, operators decide where they come from.

    Raises:
        RequirementsError: names the invalid line, and what to write instead.

    >>> [each.text for each in read_requirements("me", "numpy>=2  # fast\\n\\nscipy")]
    ['numpy>=2', 'scipy']
    """
    return [_parse(owner, number, line) for number, line in _logical_lines(text)]


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and text of each line with continuation lines, without comments."""
    start, joined = 0, ""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        start = start or number
        is_continued = line.endswith("\\") and not line.lstrip().startswith("#")
        joined += line[:-1] if is_continued else line
        if not is_continued or number == len(lines):
            if content := _COMMENT.sub("", joined).strip():
                yield start, content
            start, joined = 0, ""


def _parse(owner: str, number: int, line: str) -> Requirement:
    place = f"line {number} of the requirements, {redact_urls(line)!r},"
    if line.startswith("-"):
        raise RequirementsError(
            f"{place} is an option of pip: write the requirements themselves (`NAME @ URL` for "
            "files), and set options where the runner runs, in PIP_... or pip.conf"
        )
    if _HASH.search(line):
        raise RequirementsError(
            f"{place} has a hash, but the packages of the runner have none: remove it"
        )
    if _URL.fullmatch(line):
        return Requirement(owner, line, None)
    try:
        parsed = Parsed(line)
    except InvalidRequirement as error:
        cause = str(error).splitlines()[0].rstrip(".")
        raise RequirementsError(
            f"{place} is not a requirement ({cause}): write it like `numpy>=2`"
        ) from error
    return Requirement(owner, str(parsed), parsed)


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


def _is_met(wanted: Parsed, extra: str, seen: set[tuple[str, str]]) -> bool:
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
        needed = map(Parsed, found.requires or ())
        if not all(_is_met(one, each[1], seen) for one in needed if one.marker):
            return False
    return True
