"""Where code is that is neither the runner's nor a plugin's."""

import os
import site
import sys
import sysconfig

__all__ = ["PACKAGE_FOLDERS", "library_folders"]

PACKAGE_FOLDERS = ("site-packages", "dist-packages")
"""What folders of installed packages are called."""


def library_folders() -> tuple[str, ...]:
    """Return the folders of the standard library and of installed packages.

    Those on the path count, too: an environment may lie on top of another.
    """
    paths = sysconfig.get_paths()
    folders = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    folders += [each for each in sys.path if os.path.basename(each) in PACKAGE_FOLDERS]
    return tuple(dict.fromkeys(folders))
