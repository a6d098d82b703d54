"""The lines of GIT_PLUGINS: which repositories hold plugins."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qsl

from ...errors import RunnerError
from ...util.secrets_in_text import without_secrets

__all__ = ["GitSource", "SourceError", "read_sources"]

_SCHEMES = ("https", "http", "ssh", "git", "file")

_LINE = re.compile(
    r"git\+(?P<scheme>[a-z]+)://(?P<host>[^/\s#]*)(?P<path>/[^\s#]*)(#(?P<fragment>\S*))?"
)

# Names that git would take for an option, a pattern or a pair of names are none.
_REF = re.compile(r"(?![-+])[^\s~^:?*\[\\@{}]+")


class SourceError(RunnerError):
    """A line of GIT_PLUGINS is no source of plugins."""


@dataclass(frozen=True)
class GitSource:
    """One line of GIT_PLUGINS.

    Attributes:
        url: of the repository.
        ref: a branch, tag or commit; empty for the default branch.
        subdirectory: where in the repository the plugins are; empty for its root.

    >>> source = GitSource.read("git+https://me:secret@example.com/a/b.git@v1#subdirectory=c")
    >>> source.url, source.ref, source.subdirectory
    ('https://me:secret@example.com/a/b.git', 'v1', 'c')
    >>> source.name, source.where
    ('b', 'https://***@example.com/a/b.git@v1#subdirectory=c')
    """

    url: str
    ref: str = ""
    subdirectory: str = ""

    @property
    def name(self) -> str:
        """The last part of the URL, fit for a file."""
        last = self.url.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return re.sub(r"[^A-Za-z0-9_.-]", "_", last).lstrip(".") or "plugin"

    @property
    def where(self) -> str:
        """The source for people to read, without user and password."""
        ref = f"@{self.ref}" if self.ref else ""
        inside = f"#subdirectory={self.subdirectory}" if self.subdirectory else ""
        return without_secrets(self.url) + ref + inside

    @classmethod
    def read(cls, line: str) -> "GitSource":
        """Read a line.

        Raises:
            SourceError: says what is wrong with the line.
        """
        match = _LINE.fullmatch(line)
        if not match:
            raise SourceError("write it like git+https://host/repository.git@ref")
        scheme, host, path = match["scheme"], match["host"], match["path"]
        if scheme not in _SCHEMES:
            known = ", ".join(_SCHEMES)
            raise SourceError(f"{scheme!r} is no scheme for repositories: use {known}")
        if host.startswith("-") or "@-" in host:
            raise SourceError("a host cannot start with a dash: correct the URL")
        path, at, ref = path.rpartition("@") if "@" in path else (path, "", "")
        if at and (not _REF.fullmatch(ref) or ".." in ref):
            raise SourceError(
                f"{ref!r} is no branch, tag or commit: correct what is behind the last @"
            )
        return cls(
            f"{scheme}://{host}{path}", ref, _subdirectory(match["fragment"] or "")
        )


def _subdirectory(fragment: str) -> str:
    options = dict(parse_qsl(fragment, keep_blank_values=True))
    # pip knows the name of a package there; it says nothing about plugins.
    if set(options) - {"subdirectory", "egg"} or (fragment and not options):
        raise SourceError(f"#{fragment} is not known: write #subdirectory=FOLDER")
    path = PurePosixPath(options.get("subdirectory", ""))
    if path.is_absolute() or ".." in path.parts or ".git" in path.parts:
        raise SourceError(
            f"the subdirectory {str(path)!r} is not inside of the repository: name a folder "
            "relative to its root"
        )
    return str(path) if path.parts else ""


def read_sources(text: str) -> Iterator[GitSource | SourceError]:
    """Yield the source or the error of each line; empty lines and comments say nothing."""
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if not line:
            continue
        try:
            yield GitSource.read(line)
        except SourceError as error:
            said = without_secrets(line)
            yield SourceError(f"line {number} of GIT_PLUGINS, {said!r}: {error}")
