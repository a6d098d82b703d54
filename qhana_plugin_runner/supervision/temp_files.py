"""A temporary folder of its own for each message that runs in a process of the pool.

A task that is killed cannot remove its temporary files. With all of them in one folder, of which
the worker's main process knows the name, that process can. What a task that ends by itself leaves
is kept: plugins hand paths of temporary files on to later tasks.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["own_folder", "remove_folder", "use_folders"]

_logger = logging.getLogger(__name__)

_place: Path | None = None


def use_folders() -> None:
    """From now on, messages that run in this process have folders of their own."""
    global _place
    _place = Path(tempfile.gettempdir())


def _folder_of(place: Path, token: str) -> Path:
    return place / f"qhana-message-{token}"


@contextmanager
def own_folder(token: str) -> Iterator[None]:
    """Let :mod:`tempfile`, and the programs that are started, use the folder of a message.

    Only in processes that do one thing at a time: the folder is a global of the process.
    """
    if _place is None:
        yield
        return
    folder = _folder_of(_place, token)
    folder.mkdir(mode=0o700, exist_ok=True)
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        if variable is None:
            os.environ.pop("TMPDIR", None)
        else:
            os.environ["TMPDIR"] = variable
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def remove_folder(token: str) -> None:
    """Remove the folder of a message whose process was killed, from the main process."""
    folder = _folder_of(Path(tempfile.gettempdir()), token)
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass  # the process had none yet, or had removed it
    except OSError as error:
        _logger.warning("temporary files of a killed task stay in %s: %s", folder, error)
