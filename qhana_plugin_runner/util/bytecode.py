"""Keeps the bytecode of the runner and of plugins in the instance folder.

Python writes bytecode beside the source. Where it may not, it would compile everything at each
start, which takes seconds. Installed libraries are left alone: they bring theirs.
"""

import os
import sys
from collections.abc import Iterable
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType

from .library_folders import library_folders

BYTECODE_VARIABLE = "QHANA_PLUGIN_RUNNER_BYTECODE"
"""Names the folder; the processes that the runner starts inherit it."""

_INSTALLED = (sys.prefix, sys.base_prefix, *library_folders())


def bytecode_variables(instance: Path, plugin_folders: Iterable[str]) -> dict[str, str]:
    """Return the environment variable for processes that cannot write beside the sources."""
    folders = [str(Path(__file__).parents[1]), *plugin_folders]
    can_write = all(os.access(f, os.W_OK) for f in folders if os.path.isdir(f))
    if can_write and not sys.dont_write_bytecode:
        return {}
    return {BYTECODE_VARIABLE: str(instance / "bytecode")}


def keep_bytecode() -> None:
    """Keep the bytecode of all modules that are imported from now on."""
    sys.path_hooks.insert(0, _find_sources)
    sys.path_importer_cache.clear()


def source_loader(name: str, file: Path) -> SourceFileLoader:
    """Return the loader of a module from its source."""
    kind = _Loader if os.environ.get(BYTECODE_VARIABLE) else SourceFileLoader
    return kind(name, str(file))


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        before = sys.pycache_prefix, sys.dont_write_bytecode
        sys.pycache_prefix = os.environ.get(BYTECODE_VARIABLE)
        sys.dont_write_bytecode = False
        try:
            return super().get_code(fullname)
        finally:
            sys.pycache_prefix, sys.dont_write_bytecode = before


def _find_sources(folder: str) -> FileFinder:
    if not os.path.isdir(folder) or folder.startswith(_INSTALLED):
        raise ImportError(f"{folder} is left to the finders of Python")
    return FileFinder(
        folder, (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Loader, SOURCE_SUFFIXES)
    )
