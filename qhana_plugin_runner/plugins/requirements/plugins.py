"""Asking each plugin of an app for its requirements."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from packaging.utils import canonicalize_name

from ..loading import QHAnaPluginBase
from ..modules import find_modules
from .errors import RequirementsError
from .lines import Requirement, read_requirements
from .source import requirements_in_source

__all__ = ["Collected", "brings_tests", "collect"]

_OWN_NAME = canonicalize_name("qhana-plugin-runner")


@dataclass
class Collected:
    """What the plugins of an app need.

    Attributes:
        requirements: of all plugins that could be asked, in the order of the plugins.
        failures: why others could not, by plugin.
    """

    requirements: list[Requirement] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


def collect(app: Flask, only_with_tests: bool = False) -> Collected:
    """Ask all plugins of an app, those that have no instance by their source.

    The runner itself is left out of what they need: it is there, or they would not be asked.

    Parameters:
        only_with_tests: ask only plugins that bring tests, see :func:`brings_tests`.
    """
    collected = Collected()
    for owner, file, plugin in _plugins(app):
        if only_with_tests and not brings_tests(file):
            continue
        try:
            texts = requirements_in_source(file) if plugin is None else _ask(plugin)
            found = [
                requirement
                for text in texts
                for requirement in read_requirements(owner, text)
            ]
        except RequirementsError as error:
            collected.failures[owner] = str(error)
        else:
            collected.requirements += [r for r in found if r.name != _OWN_NAME]
    return collected


def brings_tests(file: Path) -> bool:
    """Whether a plugin is a package with a folder ``tests`` or files ``test_*.py`` in it.

    Parameters:
        file: the plugin's module, or the ``__init__.py`` of its package.
    """
    folder = file.parent
    if file.name != "__init__.py":
        return False  # a single file has no place for tests of its own
    return (folder / "tests").is_dir() or any(folder.glob("test_*.py"))


def _plugins(app: Flask) -> Iterator[tuple[str, Path, QHAnaPluginBase | None]]:
    """Yield name, file and instance of each plugin; those that could not be made have none."""
    known = set()
    for identifier, plugin in sorted(QHAnaPluginBase.get_plugins().items()):
        top = type(plugin).__module__.partition(".")[0]
        module_file = getattr(sys.modules.get(top), "__file__", None)
        known.add(module_file)
        yield identifier, Path(module_file or top), plugin
    failures = app.extensions["qhana_plugins"].failures
    known.update(  # they define no plugin
        each.file for each in failures if each.is_note and each.stage == "import"
    )
    for module in find_modules(app.config["PLUGIN_FOLDERS"]):
        if str(module.file) not in known:
            yield str(module.file), module.file, None


def _ask(plugin: QHAnaPluginBase) -> list[str]:
    try:
        text: object = plugin.get_requirements()
    except NotImplementedError:
        return []
    except KeyboardInterrupt:  # the operator's
        raise
    except BaseException as error:  # plugins are foreign code; some exit
        raise RequirementsError(
            f"get_requirements() raised {type(error).__name__}: {error}"
        ) from error
    if not isinstance(text, str):
        raise RequirementsError(
            f"get_requirements() returned {type(text).__name__}: it has to return a text, "
            "with one requirement in each line"
        )
    return [text]
