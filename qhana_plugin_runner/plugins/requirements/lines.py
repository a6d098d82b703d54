"""The text of a ``requirements.txt``, read line by line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from ...util.secrets_in_text import without_secrets
from .errors import RequirementsError

__all__ = ["Requirement", "read_requirements"]

# Like pip: a comment starts the line or follows a blank, so fragments of URLs are none.
_COMMENT = re.compile(r"(^|\s+)#.*$")
_URL = re.compile(r"([a-z]+\+)?[a-z]+://\S+( ;.*)?", re.IGNORECASE)
_HASH = re.compile(r"\s--hash\b")

_OPTION_ADVICE = {
    "-r": "write the requirements themselves into the text",
    "--requirement": "write the requirements themselves into the text",
    "-c": "write the versions behind the requirements",
    "--constraint": "write the versions behind the requirements",
    "-e": "name a package, or `NAME @ URL`",
    "--editable": "name a package, or `NAME @ URL`",
}


@dataclass(frozen=True)
class Requirement:
    """One requirement.

    Attributes:
        owner: who asks for it: a plugin's identifier or file.
        text: the requirement in one line, without its comment.
        parsed: what it says; None for a bare URL, whose package only pip finds out.
    """

    owner: str
    text: str
    parsed: Parsed | None

    @property
    def name(self) -> str | None:
        """The normalised name of the package, extras left out; None for a bare URL."""
        return canonicalize_name(self.parsed.name) if self.parsed else None

    @property
    def counts_here(self) -> bool:
        """Whether its environment marker, if it has one, is true for this Python."""
        marker = self.parsed.marker if self.parsed else None
        return marker is None or marker.evaluate()


def read_requirements(owner: str, text: str) -> list[Requirement]:
    """Read the requirements of one plugin.

    Options of pip are refused: a plugin says what it needs, whoever runs it says where packages
    come from.

    Raises:
        RequirementsError: names the line that is no requirement, and what to write instead.

    >>> [wanted.text for wanted in read_requirements("me", "numpy>=2  # fast\\n\\nscipy")]
    ['numpy>=2', 'scipy']
    """
    return [_read(owner, number, line) for number, line in _logical_lines(text)]


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that say something, continued ones joined, with their first number."""
    start, joined = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            joined += line[:-1]
            continue
        said = _COMMENT.sub("", joined + line).strip()
        if said:
            yield start, said
        start, joined = 0, ""
    if said := _COMMENT.sub("", joined).strip():
        yield start, said


def _read(owner: str, number: int, line: str) -> Requirement:
    place = f"line {number} of the requirements, {without_secrets(line)!r},"
    if line.startswith("-"):
        option = re.split(r"[\s=]", line, maxsplit=1)[0]
        advice = _OPTION_ADVICE.get(
            option, "set it for pip where the runner runs, in PIP_... or pip.conf"
        )
        raise RequirementsError(f"{place} is an option of pip: {advice}")
    if _HASH.search(line):
        raise RequirementsError(
            f"{place} has a hash, and the packages of the runner have none: remove it"
        )
    if _URL.fullmatch(line):
        return Requirement(owner, line, None)
    try:
        parsed = Parsed(line)
    except InvalidRequirement as error:
        cause = str(error).splitlines()[0].rstrip(".")
        raise RequirementsError(
            f"{place} is no requirement ({cause}): write it like `numpy>=2`"
        ) from error
    return Requirement(owner, str(parsed), parsed)
