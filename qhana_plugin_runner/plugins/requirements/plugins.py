"""Collects the requirements of all plugins of an app.

A plugin whose dependency is missing cannot be imported, and so has no instance to ask: its source
is read instead.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from packaging.utils import canonicalize_name

from ...errors import OperatorError
from ..about import module_name, place_of
from ..loading import QHAnaPluginBase
from ..modules import find_modules
from ..sources import PluginSource, read_source
from .lines import Requirement, RequirementsError, read_requirements

_OWN_NAME = canonicalize_name("qhana-plugin-runner")


class UnknownPlugin(OperatorError):
    """Somebody asks for a plugin that is not there."""


@dataclass
class Collected:
    """The requirements of the plugins of an app.

    Attributes:
        requirements: of all plugins that could be read, in the order of the plugins.
        failures: reasons why others could not be read, by plugin.
    """

    requirements: list[Requirement] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


def collect(
    app: Flask, only_with_tests: bool = False, names: Sequence[str] = ()
) -> Collected:
    """Collect the requirements of plugins, without the runner itself.

    Args:
        app: the app that has loaded the plugins.
        only_with_tests: skip plugins without tests, see :func:`brings_tests`.
        names: of the plugins, their identifiers, files or folders, or tags of several (default:
            all plugins).

    Raises:
        UnknownPlugin: there is no plugin of one of these names.
    """
    collected = Collected()
    known = [(each, _names(*each)) for each in _plugins(app)]
    for name in names:
        if not any(name in own for _, own in known):
            raise UnknownPlugin(
                f"there is no plugin {name!r}, nor one with this tag: `flask plugin list` shows "
                "those that there are"
            )
    for (owner, file, plugin), own in known:
        if names and own.isdisjoint(names):
            continue
        if only_with_tests and not brings_tests(file):
            continue
        try:
            if plugin is None:
                texts = [each.requirements for each in read_source(file)]
            else:
                texts = [_ask(plugin)]
            found = [each for text in texts for each in read_requirements(owner, text)]
        except RequirementsError as error:
            collected.failures[owner] = str(error)
        else:
            collected.requirements += [each for each in found if each.name != _OWN_NAME]
    return collected


def _names(owner: str, file: Path, plugin: QHAnaPluginBase | None) -> set[str]:
    """Return all that a plugin may be called."""
    names = {owner, str(file), module_name(file)}
    if plugin is not None:
        return names | {plugin.name, *plugin.tags}
    for each in _read(file):
        names |= {each.text("name"), *each.tags}
    return names - {""}


def _read(file: Path) -> list[PluginSource]:
    try:
        return read_source(file)
    except RequirementsError:
        return []


def brings_tests(file: Path) -> bool:
    """Return whether a plugin is a package that has a folder ``tests`` or files ``test_*.py``.

    Args:
        file: the plugin's module, or the ``__init__.py`` of its package.
    """
    place = place_of(file)
    return (place / "tests").is_dir() or any(place.glob("test_*.py"))


def _plugins(app: Flask) -> Iterator[tuple[str, Path, QHAnaPluginBase | None]]:
    """Yield name, file and instance of each plugin; the instance is None after a failure."""
    seen = set()
    for identifier, plugin in sorted(QHAnaPluginBase.get_plugins().items()):
        top = type(plugin).__module__.partition(".")[0]
        module_file = getattr(sys.modules.get(top), "__file__", None)
        seen.add(module_file)
        yield identifier, Path(module_file or top), plugin
    failures = app.extensions["qhana_plugins"].failures
    seen.update(  # they define no plugin
        each.file for each in failures if each.is_note and each.stage == "import"
    )
    for module in find_modules(app.config["PLUGIN_FOLDERS"]):
        if str(module.file) not in seen:
            yield str(module.file), module.file, None


def _ask(plugin: QHAnaPluginBase) -> str:
    try:
        text: object = plugin.get_requirements()
    except NotImplementedError:
        return ""
    except KeyboardInterrupt:  # from the operator
        raise
    except BaseException as error:  # plugins are foreign code; some exit
        raise RequirementsError(
            f"get_requirements() raised {type(error).__name__}: {error}"
        ) from error
    if not isinstance(text, str):
        raise RequirementsError(
            f"get_requirements() returned {type(text).__name__}: it has to return text with one "
            "requirement per line"
        )
    return text
