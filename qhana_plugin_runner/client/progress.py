"""Progress bars, where somebody sees them and ``tqdm`` is installed."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .task import Task

ShowProgress = bool | Callable[["Task"], None] | None
"""Whether to show the progress, or a function that does; ``None`` for where it is seen."""

_UNKNOWN = "{desc} [{elapsed}]"
_KNOWN = "{desc} |{bar}| {n:g}/{total:g} {unit} [{elapsed}]"


@contextmanager
def showing(progress: ShowProgress) -> Iterator[Callable[[Task], None]]:
    """Yield a function that shows the progress of a task."""
    if callable(progress):
        yield progress
        return
    bar_class = None if progress is False else _bar_class()
    if bar_class is None or not (progress or _is_seen()):
        yield lambda task: None
        return
    bar = bar_class(bar_format=_UNKNOWN, desc="Task")

    def show(task: Task) -> None:
        bar.set_description_str(repr(task).strip("<>"), refresh=False)
        if now := task.progress:
            bar.bar_format = _KNOWN
            bar.n, bar.total = now.value - now.start, now.target - now.start
            bar.unit = now.unit
        bar.refresh()

    try:
        yield show
    finally:
        bar.close()


def _bar_class() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a notebook without widgets gets a bar of text
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return None
    return tqdm


def _is_seen() -> bool:
    """Whether this is a terminal or a notebook."""
    ipython = sys.modules.get("IPython")
    in_notebook = ipython is not None and ipython.get_ipython() is not None
    return in_notebook or sys.stderr.isatty()
