"""Where code is that is neither the runner's nor a plugin's."""

import os
import site
import sys
import sysconfig
from functools import cache
from pathlib import Path

_RUNNER = str(Path(__file__).resolve().parents[1])


def package_folders() -> list[str]:
    """Return the folders of installed packages on the path.

    There are several where an environment lies on top of another.
    """
    names = ("site-packages", "dist-packages")
    return [folder for folder in sys.path if os.path.basename(folder) in names]


def library_folders() -> tuple[str, ...]:
    """Return the folders of the standard library and of installed packages."""
    paths = sysconfig.get_paths()
    folders = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [*site.getsitepackages(), site.getusersitepackages(), *package_folders()]
    return tuple(dict.fromkeys(folders))


def is_authors_code(file: str) -> bool:
    """Whether a file may be that of a plugin: it is none of the runner, and none of a library."""
    return not file.startswith(_others_code())


@cache
def _others_code() -> tuple[str, ...]:
    folders = [_RUNNER, *library_folders()]
    return tuple(
        f"{each}{os.sep}"
        for folder in folders
        for each in {folder, os.path.realpath(folder)}
    )
