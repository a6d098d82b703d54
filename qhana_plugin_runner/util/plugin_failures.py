"""Why a plugin cannot be used, in words for those who run it and for those who wrote it."""

import os
import sysconfig
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from ..errors import RunnerError

__all__ = ["PluginFailure"]

FAILURE_FRAMES = 3
"""How many of the last stack frames of a failure are kept: enough to see the line in the plugin
that went wrong and who called it."""


@dataclass(frozen=True)
class PluginFailure:
    """Why a plugin cannot be used, or not fully.

    Attributes:
        source: the plugin's file, folder or identifier.
        stage: what was being done: ``import``, ``init_app``, ``blueprint``, ``documentation``.
        error: type and text of the error, one line.
        advice: what to do about it, in the language of whoever reads it.
        frames: the last stack frames, innermost last.
    """

    source: str
    stage: str
    error: str
    advice: LazyString
    frames: tuple[str, ...] = ()

    @classmethod
    def from_exception(
        cls, source: str, stage: str, error: BaseException
    ) -> "PluginFailure":
        stack = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in stack if not frame.filename.startswith("<frozen ")]
        text = _text_of(error)
        return cls(
            source=_printable(source),
            stage=stage,
            error=f"{type(error).__name__}: {text}" if text else type(error).__name__,
            advice=_advice(error, stage, own),
            frames=tuple(
                _printable(frame.strip())
                for frame in traceback.format_list(own[-FAILURE_FRAMES:])
            ),
        )


def _text_of(error: BaseException) -> str:
    try:
        return _printable(" ".join(str(error).split()))
    except Exception:  # the text of an error is made by foreign code too
        return "its text cannot be shown"


def _printable(text: str) -> str:
    """File names that are no UTF-8 hold characters that neither log nor page can show."""
    return os.fsencode(text).decode("utf-8", "replace")


_OTHERS_CODE = (
    str(Path(__file__).resolve().parents[1]),
    *(sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")),
)
"""Where code is that no plugin author can correct."""


def _advice(
    error: BaseException, stage: str, stack: Sequence[traceback.FrameSummary]
) -> LazyString:
    if isinstance(error, RunnerError):
        return _("The message above says what to change.")
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return _(
            "Install the package that provides %(package)r; "
            "`flask install` installs what plugins ask for in get_requirements().",
            package=package,
        )
    if isinstance(error, SystemExit):
        return _("A plugin must not end the process: remove the call that exits.")
    if isinstance(error, SyntaxError):
        if not error.filename:
            return _("Correct line %(line)s of the file.", line=error.lineno)
        return _(
            "Correct line %(line)s of %(file)s.", line=error.lineno, file=error.filename
        )
    if stage == "documentation":
        return _(
            "The plugin is served, but missing from the API documentation: correct the "
            "schemas or docstrings of its endpoints."
        )
    for frame in reversed(stack):
        if not frame.filename.startswith(_OTHERS_CODE):
            file = Path(frame.filename).name
            return _("Correct line %(line)s of %(file)s.", line=frame.lineno, file=file)
    return _("Correct the plugin at the place named by the last frame.")
