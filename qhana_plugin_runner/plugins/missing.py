"""Plugins whose packages are missing: what is told of them, and what brings their packages."""

import logging
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flask_babel import lazy_gettext as _

from ..util.log_once import is_first_to_log
from .about import PluginAbout, module_name
from .failures import PluginFailure

if TYPE_CHECKING:
    from .loading import QHAnaPluginBase
    from .sources import PluginSource

_logger = logging.getLogger(__name__)

SETS = ("learning", "quantum")
"""The extras of the runner, each for its plugins with the tag of that name."""


def missing_packages(
    about: PluginAbout, file: str, packages: Sequence[str], cause: str = ""
) -> PluginFailure:
    """Return why a plugin is not served whose packages are missing.

    Args:
        about: what is known of the plugin.
        file: its file.
        packages: the requirements that are not met.
        cause: the error, if there was one.
    """
    error = f"Packages are missing: {', '.join(packages)}."
    command = install_command(about, Path(file))
    return PluginFailure(
        name=about.identifier,
        file=file,
        stage="packages",
        error=f"{error} {cause}." if cause else error,
        advice=_("`%(command)s` installs what is missing.", command=command),
        is_note=True,
        about=about,
    )


def missing_needs(plugin: "QHAnaPluginBase") -> list[str]:
    """Return the packages that a plugin asks for, and that are missing."""
    from .requirements.lines import unmet

    try:
        return unmet(plugin.get_requirements())
    except Exception:  # plugins are foreign code, and most need nothing
        return []


def failure_of_source(file: Path, error: BaseException) -> PluginFailure | None:
    """Return why a module that cannot be imported is not served, if packages are missing.

    That is so when a module is not found, and the source says that it needs a package that is
    missing: otherwise the plugin itself is wrong.
    """
    if not isinstance(error, ModuleNotFoundError):
        return None
    from .requirements.lines import RequirementsError, unmet
    from .sources import read_source

    try:
        plugins = read_source(file)
        packages = unmet("\n".join(each.requirements for each in plugins))
    except RequirementsError:
        return None
    if not packages:
        return None
    described = [each for each in plugins if each.text("name") and each.text("version")]
    about = _about(described[0]) if described else PluginAbout(module_name(file))
    return missing_packages(about, str(file), packages, str(error))


def log_missing(failures: Iterable[PluginFailure]) -> None:
    """Log which plugins are not served because packages are missing, in one line."""
    names = sorted(each.about.name for each in failures if each.about)
    if names and is_first_to_log(f"packages {names}"):
        _logger.info(
            "%s plugins are not served because packages are missing: %s; the landing page, "
            "and `flask plugin list`, name the commands that install them",
            len(names),
            ", ".join(names),
        )


def _about(source: "PluginSource") -> PluginAbout:
    name, version, title, description, type_ = (
        source.text(key) for key in ("name", "version", "title", "description", "type")
    )
    return PluginAbout(name, version, title, description, type_, tuple(source.tags))


def install_command(about: PluginAbout, file: Path) -> str:
    """Return the command that installs the packages of a plugin."""
    checkout = Path(__file__).resolve().parents[2]
    install = f"plugin install {shlex.quote(about.name)}"
    if not (checkout / "pyproject.toml").is_file():
        return f"qhana-plugin-runner {install}"
    sets = [each for each in SETS if each in about.tags]
    if sets and file.is_relative_to(checkout / "plugins"):
        return f"scripts/run --plugins {','.join(sets)}"
    return f"flask {install}"
