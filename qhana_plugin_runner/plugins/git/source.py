"""Reads the lines of ``GIT_PLUGINS``."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qsl

from ...errors import RunnerError
from ...util.redaction import display_url, redact_urls

_SCHEMES = ("https", "http", "ssh", "git", "file")

_LINE = re.compile(
    r"git\+(?P<scheme>[a-z]+)://(?P<host>[^/\s#]*)(?P<path>/[^\s#]*)(#(?P<fragment>\S*))?"
)

# Not what git would take for an option, a pattern or a pair of names.
_REF = re.compile(r"(?![-+])[^\s~^:?*\[\\@{}]+")


class SourceError(RunnerError):
    """A line of ``GIT_PLUGINS`` is invalid."""


@dataclass(frozen=True)
class GitSource:
    """One line of ``GIT_PLUGINS``.

    Attributes:
        url: of the repository.
        ref: a branch, tag or commit; empty for the default branch.
        subdirectory: the folder of the plugins in the repository; empty for its root.

    >>> source = GitSource.read("git+https://me:secret@example.com/a/b.git@v1#subdirectory=c")
    >>> source.url, source.ref, source.subdirectory
    ('https://me:secret@example.com/a/b.git', 'v1', 'c')
    >>> source.name, source.where
    ('b', 'https://example.com/a/b.git@v1#subdirectory=c')
    """

    url: str
    ref: str = ""
    subdirectory: str = ""

    @property
    def name(self) -> str:
        """The last part of the URL, as a safe file name."""
        last = self.url.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return re.sub(r"[^A-Za-z0-9_.-]", "_", last).lstrip(".") or "plugin"

    @property
    def where(self) -> str:
        """The source in messages, without user and password."""
        ref = f"@{self.ref}" if self.ref else ""
        inside = f"#subdirectory={self.subdirectory}" if self.subdirectory else ""
        return display_url(self.url) + ref + inside

    @classmethod
    def read(cls, line: str) -> "GitSource":
        """Read a line.

        Raises:
            SourceError: the line is invalid; the text has the reason.
        """
        match = _LINE.fullmatch(line)
        if not match:
            raise SourceError("write it like git+https://host/repository.git@ref")
        scheme, host, path = match["scheme"], match["host"], match["path"]
        if scheme not in _SCHEMES:
            raise SourceError(
                f"{scheme!r} is not a scheme for repositories: use {', '.join(_SCHEMES)}"
            )
        if host.startswith("-") or "@-" in host:
            raise SourceError("a host cannot start with a dash: correct the URL")
        path, at, ref = path.rpartition("@") if "@" in path else (path, "", "")
        if at and (not _REF.fullmatch(ref) or ".." in ref):
            raise SourceError(
                f"{ref!r} is not a branch, tag or commit: correct the part after the last @"
            )
        return cls(
            f"{scheme}://{host}{path}", ref, _subdirectory(match["fragment"] or "")
        )


def _subdirectory(fragment: str) -> str:
    options = dict(parse_qsl(fragment, keep_blank_values=True))
    # pip allows the name of the package there, which means nothing here.
    if set(options) - {"subdirectory", "egg"} or (fragment and not options):
        raise SourceError(f"#{fragment} is not supported: write #subdirectory=FOLDER")
    # A slash in front, which operators of the original write, means the repository.
    path = PurePosixPath(options.get("subdirectory", "").removeprefix("/"))
    if path.is_absolute() or ".." in path.parts or ".git" in path.parts:
        raise SourceError(
            f"the subdirectory {str(path)!r} is not inside the repository: name a folder "
            "relative to its root"
        )
    return str(path) if path.parts else ""


def read_sources(text: str, errors: list[str]) -> list[GitSource]:
    """Return the source of each line that is no comment, and add what is wrong to the errors."""
    sources = []
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if not line:
            continue
        try:
            sources.append(GitSource.read(line))
        except SourceError as error:
            shown = redact_urls(line)
            errors.append(f"line {number} of GIT_PLUGINS, {shown!r}: {error}")
    return sources
