"""The command ``flask install``."""

import json
import sys
from collections.abc import Iterable

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from ...util.redaction import redact_urls
from ..licenses import third_party_packages
from . import pip
from .conflicts import RUNNER, conflict_table, find_conflicts
from .lines import Requirement, read_requirements
from .plugins import collect


@click.command("install")
@click.argument("plugins", metavar="[PLUGIN]...", nargs=-1)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print what would be installed, as the text of a requirements.txt.",
)
@click.option(
    "--skip-runner-dependencies",
    is_flag=True,
    help="Let plugins replace packages of the runner, which may break it.",
)
@click.option(
    "--only-with-tests",
    is_flag=True,
    help="Only for plugins that are packages with a tests folder or test_*.py files.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_appcontext
def install(
    plugins: tuple[str, ...],
    dry_run: bool,
    skip_runner_dependencies: bool,
    only_with_tests: bool,
    as_json: bool,
) -> None:
    """Install the packages that plugins need, unless they conflict.

    PLUGIN is the name or identifier of a plugin, the name of its file or folder, or a tag; without
    any, the packages of all plugins are installed.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    collected = collect(app, only_with_tests, plugins)
    for owner, reason in collected.failures.items():
        click.echo(f"skipped: {owner}: {reason}", err=True)
    pinned = [] if skip_runner_dependencies else _own_packages()
    conflicts = find_conflicts(collected.requirements, pinned)
    if as_json:
        told = {
            "requirements": [_as_dict(each) for each in collected.requirements],
            "conflicts": [[*map(_as_dict, pair)] for pair in conflicts],
            "skipped": collected.failures,
        }
        click.echo(json.dumps(told, indent=2))
    if conflicts:
        click.echo(conflict_table(conflicts), err=True)
        raise pip.InstallError(
            "nothing was installed: remove one plugin of each row, or change its requirements"
        )
    wanted = list(_lines(collected.requirements))
    pins = [pin.text for pin in pinned]
    if dry_run and as_json:
        return
    if dry_run:
        click.echo("".join(f"{line}\n" for line in [*wanted, *pins]), nl=False)
    elif not wanted:
        click.echo("no plugin needs any packages", err=as_json)
    else:
        output = sys.stderr if as_json else None
        click.get_current_context().exit(pip.install(wanted, pins, output))


def _as_dict(requirement: Requirement) -> dict[str, str]:
    return {"owner": requirement.owner, "requirement": redact_urls(requirement.text)}


def _own_packages() -> list[Requirement]:
    """Return the installed versions of the runner's own packages."""
    text = "".join(f"{own.name}=={own.version}\n" for own in third_party_packages())
    return read_requirements(RUNNER, text)


def _lines(requirements: Iterable[Requirement]) -> Iterable[str]:
    """Yield each requirement once, with its owners in a comment."""
    owners: dict[str, list[str]] = {}
    for requirement in requirements:
        owners.setdefault(requirement.text, []).append(requirement.owner)
    for text, who in owners.items():
        yield f"{text}  # {', '.join(dict.fromkeys(who))}"
