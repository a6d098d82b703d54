"""Why a plugin cannot be used, in words for those who run it and for those who wrote it."""

import logging
import os
import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from flask import current_app, has_app_context
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from ..errors import RunnerError
from ..util.error_text import error_text, name_and_text, printable
from ..util.library_folders import is_authors_code
from ..util.log_once import is_first_to_log
from ..util.redaction import redact_text
from .about import PluginAbout, place_of

FAILURE_FRAMES = 3
"""How many of the last stack frames of a failure are kept: enough to see the line in the plugin
that went wrong and who called it."""


class PluginError(RunnerError):
    """A plugin cannot be used as it is; the text is all that there is to say."""


@dataclass(frozen=True)
class PluginFailure:
    """Why a plugin cannot be used, or not fully.

    Attributes:
        name: the plugin's identifier or class; empty when it is about a whole module.
        file: the plugin's file.
        stage: what was being done: ``import``, ``class``, ``init_app``, ``blueprint``,
            ``documentation``; or ``packages``, when some are missing.
        error: type and text of the error, one line.
        advice: what to do about it, in the language of whoever reads it; may be empty.
        frames: the last stack frames, innermost last.
        is_note: nothing is wrong, the author may have meant it so.
        place: the file and the line to correct, where they are known.
        about: what is known of a plugin whose packages are missing.
    """

    name: str
    file: str
    stage: str
    error: str
    advice: LazyString | str = ""
    frames: tuple[str, ...] = ()
    is_note: bool = False
    place: tuple[str, int | None] | None = None
    about: PluginAbout | None = None

    @classmethod
    def from_exception(
        cls, name: str, file: str, stage: str, error: BaseException
    ) -> "PluginFailure":
        stack = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in stack if not frame.filename.startswith("<frozen ")]
        frames = traceback.format_list(own[-FAILURE_FRAMES:])
        if isinstance(error, SyntaxError):
            # the frames end before the line that it is about
            frames.append("".join(traceback.format_exception_only(error)[:-1]))
        if isinstance(error, PluginError):
            text = redact_text(error_text(error))
            return cls(printable(name), printable(file), stage, text)
        return cls(
            name=printable(name),
            file=printable(file),
            stage=stage,
            error=redact_text(name_and_text(error)),
            advice=_advice(error, stage, _place(error, own)),
            frames=tuple(printable(redact_text(frame.strip())) for frame in frames),
            place=_place(error, own),
        )

    @classmethod
    def note(cls, name: str, file: str, stage: str, text: str) -> "PluginFailure":
        """Return a failure that may be none: the text says what to do if it is."""
        return cls(printable(name), printable(file), stage, text, is_note=True)

    @property
    def source(self) -> str:
        """The plugin with its file."""
        return f"{self.name} ({self.file})" if self.name else self.file

    @property
    def public_name(self) -> str:
        """The plugin without the folders of the host, for strangers."""
        return self.name or place_of(self.file).name

    @property
    def public_error(self) -> str:
        """The error without the folders of the host, for strangers."""
        return without_folders(self.error)

    @property
    def _edited_at(self) -> float:
        """When the plugin was last edited: what was said before then is no news of it now."""
        place = place_of(self.file)
        files = [place] if place.suffix == ".py" else place.glob("*.py")
        return max(map(_edited_at, files), default=0.0)

    def log(self, logger: logging.Logger) -> None:
        """Write it to the log, unless another process of this start did."""
        if not is_first_to_log(
            f"{self._edited_at} {self.source} {self.stage} {self.error}"
        ):
            return
        if self.is_note:
            logger.info("plugin %s is not served: %s", self.source, self.error)
            return
        frames = [line for frame in self.frames for line in frame.splitlines()]
        lines = [*(f"    {line}" for line in frames), str(self.advice)]
        text = "".join(f"\n{line}" for line in lines if line)
        logger.error(
            "plugin %s failed (%s): %s%s", self.source, self.stage, self.error, text
        )


def _edited_at(file: Path) -> float:
    try:
        return os.path.getmtime(file) if os.path.isfile(file) else 0.0
    except OSError:  # it was removed meanwhile
        return 0.0


_HOST_FOLDERS = (sys.prefix, os.getcwd(), os.path.expanduser("~"))

_WORD = r"""[^\s/'"(),:;]+"""

_PATHS = rf"""
    (?P<url> https?://[^\s'"?#]* )
    | (?P<quote> ['"] ) /[^'"\n]*/[^'"/\n]* (?P=quote)
    | (?: {{folders}} ) (?: /+ (?: {_WORD} /+ )* (?: {_WORD} )? | (?![\w-]) )
    | (?<! [\w./] ) /+ (?: (?: [^\s/.'"(),:;]+[ ] )? {_WORD} /+ )+ (?: {_WORD} )?
"""
"""Addresses, which stay as they are, and paths: in quotes, in known folders, and others. Of the
last a folder's name may have a space.
"""


def without_folders(text: str) -> str:
    """Return a text with the names of files in place of their paths.

    Paths in the folders that the runner uses are found wherever they are; others by their form.

    >>> without_folders("No such file: '/srv/my plugins/a.csv' (see /srv/b.py, http://host/b/c)")
    "No such file: 'a.csv' (see b.py, http://host/b/c)"
    """
    folders = "|".join(map(re.escape, _known_folders())) or "(?!)"
    paths = re.compile(_PATHS.format(folders=folders), re.VERBOSE)
    return paths.sub(_file_name, text)


def _known_folders() -> list[str]:
    """Return the folders that the runner uses, the inner ones first."""
    folders = set(_HOST_FOLDERS)
    if has_app_context():
        folders.add(current_app.instance_path)
        for folder in map(str, current_app.config["PLUGIN_FOLDERS"]):
            folders |= {folder, os.path.realpath(folder)}
    known = {folder.rstrip("/") for folder in folders if folder.startswith("/")}
    # "/app" may also be a part of something else, and is found by its form.
    return sorted((each for each in known if each.count("/") > 1), reverse=True)


def _file_name(match: re.Match[str]) -> str:
    if match["url"]:
        return match[0]
    quote = match["quote"] or ""
    return f"{quote}{PurePath(match[0].strip(quote or None)).name}{quote}"


def _place(
    error: BaseException, stack: Sequence[traceback.FrameSummary]
) -> tuple[str, int | None] | None:
    """Return the file and the line that the author of a plugin can correct."""
    if isinstance(error, SyntaxError):
        return (printable(error.filename), error.lineno) if error.filename else None
    for frame in reversed(stack):
        if is_authors_code(frame.filename):
            return printable(frame.filename), frame.lineno
    return None


def _advice(
    error: BaseException, stage: str, place: tuple[str, int | None] | None
) -> LazyString | str:
    if isinstance(error, RunnerError):
        return ""  # it says itself what to change
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return _(
            "Install the package that provides %(package)r; `flask install` installs what plugins "
            "ask for, in get_requirements() or `@plugin(requirements=[...])`.",
            package=package,
        )
    if isinstance(error, SystemExit):
        return _("A plugin must not end the process: remove the call that exits.")
    if isinstance(error, SyntaxError) and place is None:
        return _("Correct line %(line)s of the file.", line=error.lineno)
    if stage == "documentation" and not isinstance(error, SyntaxError):
        return _(
            "The plugin is served, but missing from the API documentation: correct the "
            "schemas or docstrings of its endpoints."
        )
    if place is None:
        return _("Correct the plugin at the place named by the last frame.")
    file, line = place
    return _("Correct line %(line)s of %(file)s.", line=line, file=Path(file).name)
