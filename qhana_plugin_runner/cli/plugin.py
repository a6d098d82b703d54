"""``flask plugin``, also ``qhana-plugin-runner plugin``: for those who write plugins."""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from flask import Flask, current_app
from flask.cli import ScriptInfo, load_dotenv, with_appcontext

from ..client.command import read_inputs
from ..util.config import is_debug, read_settings
from ..util.lazy_commands import LazyCommands
from .scaffold import write_plugin

if TYPE_CHECKING:  # a command that needs no app does not wait for one
    from ..plugins.failures import PluginFailure
    from ..plugins.loading import QHAnaPluginBase

_INSTANCE = "QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER"

KINDS = ("processing", "visualization", "conversion", "dataloader", "interaction")
"""The values of ``PluginType``."""

LATER = {"install": "qhana_plugin_runner.plugins.requirements.cli:install"}

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("plugin", cls=LazyCommands, table=LATER)
@click.pass_context
def plugin(context: click.Context) -> None:
    """Create, list, check, run, and install plugins."""
    if context.find_object(ScriptInfo) is None:  # not called by way of ``flask``
        load_dotenv()
        os.environ.setdefault(_INSTANCE, str(Path("instance").absolute()))
        context.obj = ScriptInfo(app_import_path="qhana_plugin_runner")


@plugin.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default=KINDS[0],
    show_default=True,
    help="Type of the plugin.",
)
@click.option("--multi-step", is_flag=True, help="Ask for more input in a second step.")
@click.option("--long", is_flag=True, help="Write out each part: blueprint, views, task.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("plugins"),
    show_default=True,
    help="Where to create the plugin's folder.",
)
@as_json
@click.pass_context
def new(
    context: click.Context,
    name: str,
    kind: str,
    multi_step: bool,
    long: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Create a plugin with a passing test as a starting point."""
    made = write_plugin(name, folder, kind, multi_step, long)
    files = sorted(str(each) for each in made.iterdir())
    if as_json:
        click.echo(json.dumps({"folder": str(made), "files": files}))
        return
    click.echo("\n".join(files))
    command = context.command_path.removesuffix(" new")
    click.echo(f"\nTest it:   pytest {made}")
    click.echo(f"Check it:  {command} check {made}")
    inputs = "text='to be'" if long else "entities=@FILE"
    click.echo(f"Run it:    {command} run {name} {inputs}")


@plugin.command("list")
@as_json
@with_appcontext
def list_plugins(as_json: bool) -> None:
    """List the plugins in PLUGIN_FOLDERS, and why some are not served."""
    from ..plugins.loading import QHAnaPluginBase, loaded_plugins

    loaded = loaded_plugins()
    rows = [_row(each, loaded.mounted) for each in QHAnaPluginBase.get_plugins().values()]
    by_name = {row["name"]: row for row in rows}
    for failure in loaded.failures:
        known = by_name.get(failure.name)
        if known is None:
            rows.append(_failed(failure))
        else:
            known.update(cause=_cause(failure), state=_state(failure, "no page"))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in sorted(rows, key=lambda row: row["name"]):
        version = f"  {row['version']}" if row["version"] else ""
        click.echo(f"{row['state']:8} {row['name']}{version}  {row['folder']}")
        if row["state"] == "missing" and row["description"]:
            click.echo(f"{'':8} {row['description'].splitlines()[0]}")
        if row["cause"]:
            click.echo(f"{'':8} {row['cause']}")


def _row(plugin: "QHAnaPluginBase", mounted: Iterable[str]) -> dict[str, str]:
    from ..plugins.loading import file_of_module

    return {
        "name": plugin.identifier,
        "version": plugin.version,
        "description": plugin.description,
        "state": "served" if plugin.identifier in mounted else "no page",
        "folder": str(Path(file_of_module(type(plugin).__module__)).parent),
        "cause": "",
    }


def _failed(failure: "PluginFailure") -> dict[str, str]:
    return {
        "name": failure.name or Path(failure.file).name,
        "version": failure.about.version if failure.about else "",
        "description": failure.about.description if failure.about else "",
        "state": _state(failure, "no plugin"),
        "folder": str(Path(failure.file).parent),
        "cause": _cause(failure),
    }


def _state(failure: "PluginFailure", of_note: str) -> str:
    if failure.about is not None:
        return "missing"
    return of_note if failure.is_note else "failed"


def _cause(failure: "PluginFailure") -> str:
    return " ".join(filter(None, [failure.error, str(failure.advice)]))


@plugin.command("check")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True)
)
@as_json
def check(paths: Sequence[str], as_json: bool) -> None:
    """Check plugins, and print problems and how to fix them.

    PATH is the file or folder of a plugin, or a folder with several plugins. The exit status is 1
    if there are findings.
    """
    from ..checks.process import check_plugins, plugin_files

    files = plugin_files(paths)
    if not files:
        raise click.UsageError(f"there is no plugin in {', '.join(paths)}")
    show = _say if sys.stderr.isatty() else str
    found = [
        each for findings in check_plugins(files, show).values() for each in findings
    ]
    if as_json:
        click.echo(json.dumps([each.as_dict() for each in found], indent=2))
    else:
        for each in found:
            click.echo(str(each))
        click.echo(f"{len(files)} checked, {len(found)} findings")
    if found:
        raise click.exceptions.Exit(1)


def _say(file: str) -> None:
    click.echo(f"checking {file}", err=True)


@plugin.command("run")
@click.argument("name")
@click.argument("inputs", metavar="[KEY=VALUE|KEY=@FILE|then]...", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("outputs"),
    show_default=True,
    metavar="DIR",
    help="Folder for the outputs; created if it does not exist.",
)
@as_json
@with_appcontext
def run(name: str, inputs: tuple[str, ...], output: Path, as_json: bool) -> None:
    """Run a plugin in this process, without a broker, and save its outputs.

    KEY is a field of its form. The word "then" starts the input of the next step. The database
    and the files of the instance are not touched.
    """
    from ..testing.running import TaskFailed, plugin_app, running

    for logger in ("celery.app.trace", "werkzeug"):
        logging.getLogger(logger).setLevel(logging.WARNING)
    settings = read_settings(current_app.instance_path, is_debug())
    kept = {name: value for name, value in settings.items() if name not in _OWN}
    answers = _split(inputs)
    with ExitStack() as stack:
        instance = Path(stack.enter_context(TemporaryDirectory(prefix="qhana-run-")))
        folders = kept.pop("PLUGIN_FOLDERS")
        app = stack.enter_context(
            plugin_app(folders, instance, SERVER_NAME="localhost", **kept)
        )
        runs = stack.enter_context(running(app))
        stack.enter_context(_progress(app))
        if as_json:  # what the plugin prints is no part of it
            stack.enter_context(redirect_stdout(sys.stderr))
        failure = None
        try:
            task = runs(name, **read_inputs(answers[0]))
            for answer in answers[1:]:
                task.answer(**read_inputs(answer))
        except TaskFailed as error:
            failure, task = error, error.task
        paths = task.outputs.save(output) if task.outputs else []
        saved = [
            {
                "path": str(path),
                "dataType": each.data_type,
                "contentType": each.content_type,
            }
            for path, each in zip(paths, task.outputs)
        ]
    step = task.open_step
    if as_json:
        told = {"status": task.status, "log": task.log, "outputs": saved}
        click.echo(json.dumps({**told, "step": step and step["stepId"]}, indent=2))
    elif task.log:
        click.echo(task.log, err=True)
    if failure is not None:
        raise failure
    if as_json:
        return
    for file in saved:
        click.echo(file["path"])
    if step:
        click.echo(
            f"The task waits for the step {step['stepId']!r}: add `then KEY=VALUE`.",
            err=True,
        )


_OWN = {
    "APPLICATION_ROOT",
    "AUTH_MODE",
    "CELERY",
    "DEFAULT_FILE_STORE",
    "FILE_STORE_ROOT_PATH",
    "SERVER_NAME",
    "SQLALCHEMY_DATABASE_URI",
    "SQLALCHEMY_ENGINE_OPTIONS",
    "TESTING",
}
"""The settings of a run that are not those of the instance."""


def _split(inputs: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the arguments of the form and of each step."""
    parts: list[list[str]] = [[]]
    for each in inputs:
        if each == "then":
            parts.append([])
        else:
            parts[-1].append(each)
    return [tuple(part) for part in parts]


@contextmanager
def _progress(app: Flask) -> Iterator[None]:
    """Show the progress of the newest task in the block, in a terminal."""
    ends = threading.Event()
    thread = threading.Thread(target=_show_progress, args=[app, ends], daemon=True)
    if sys.stderr.isatty():
        thread.start()
    try:
        yield
    finally:
        ends.set()
        if thread.is_alive():
            thread.join()


def _show_progress(app: Flask, ends: threading.Event) -> None:
    from sqlalchemy import select

    from ..db import DB
    from ..db.models.tasks import ProcessingTask

    newest = select(ProcessingTask).order_by(ProcessingTask.id.desc()).limit(1)
    bar = click.progressbar(length=1000, file=sys.stderr, show_eta=False)
    with app.app_context(), bar:
        while not ends.wait(0.2):
            task: Any = DB.session.scalar(newest)
            if task is not None and task.progress_value is not None:
                start = task.progress_start or 0
                length = (task.progress_target or 100) - start
                share = (task.progress_value - start) / length if length else 0
                bar.update(round(1000 * min(max(share, 0), 1)) - bar.pos)
            DB.session.rollback()
