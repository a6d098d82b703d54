"""The command ``qhana-plugin-runner call``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .errors import ClientError, InvalidInputs
from .outputs import Output, Outputs
from .runner import Runner
from .task import Task


@click.command("call")
@click.argument("plugin", metavar="NAME")
@click.argument("inputs", metavar="[KEY=VALUE|KEY=@FILE]...", nargs=-1)
@click.option(
    "--url",
    envvar="QHANA_URL",
    default="http://127.0.0.1:5005",
    show_default=True,
    show_envvar=True,
    help="URL of the runner.",
)
@click.option(
    "--token",
    envvar="QHANA_TOKEN",
    show_envvar=True,
    help="Access token. Other users of this machine see options, but not the variable.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder to save the outputs in; made when it is missing.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait for the end of the task.",
)
def call(
    plugin: str,
    inputs: tuple[str, ...],
    url: str,
    token: str | None,
    output: Path | None,
    timeout: float | None,
) -> None:
    """Run a plugin and print its outputs: files, or URLs without --output.

    NAME is a name, name@version, or the URL of a plugin's metadata. KEY is a field of its form; a
    key that is repeated gives a list, and KEY=@@TEXT a text that begins with @. Ctrl-C cancels
    the task.

    The exit status is 0 after a success, 1 after a failure, and 2 when inputs or options are
    wrong.
    """
    values = read_inputs(inputs)
    try:
        with Runner(url, token) as runner:
            outputs = _run(runner.submit(plugin, values), timeout)
            _print(outputs, output)
    except InvalidInputs as error:
        raise click.UsageError(str(error)) from error
    except ClientError as error:
        raise click.ClickException(str(error)) from error
    except ValueError as error:  # the URL
        raise click.BadParameter(str(error), param_hint="'--url'") from error


def read_inputs(inputs: tuple[str, ...]) -> dict[str, Any]:
    """Return the values by key that arguments ``key=value`` and ``key=@file`` give."""
    found: dict[str, list[str | Path]] = {}
    for argument in inputs:
        key, equals, text = argument.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"{argument!r} is not KEY=VALUE")
        if not text.startswith("@") or text.startswith("@@"):
            found.setdefault(key, []).append(text[1:] if text[:1] == "@" else text)
        elif (path := Path(text[1:])).is_file():
            found.setdefault(key, []).append(path)
        else:
            raise click.BadParameter(f"there is no file {text[1:]!r} ({key})")
    return {key: each[0] if len(each) == 1 else each for key, each in found.items()}


def _run(task: Task, timeout: float | None) -> Outputs[Output]:
    click.echo(f"task {task.url}", err=True)
    try:
        task.wait(timeout, progress=_Display())
    except KeyboardInterrupt:
        task.cancel()
        click.echo("canceled", err=True)
        raise
    for step in task.steps:
        if step.is_open:
            raise ClientError(f"the task waits for an answer: {step.ui_href}")
    return task.results()


def _print(outputs: Outputs[Output], folder: Path | None) -> None:
    if folder is not None:
        for path in outputs.save(folder):
            click.echo(path)
        return
    for each in outputs:
        click.echo(f"{each.href}\t{each.name}\t{each.data_type}\t{each.content_type}")


class _Display:
    """Shows new lines of the log, and in a terminal the progress."""

    def __init__(self) -> None:
        self._shown = 0

    def __call__(self, task: Task) -> None:
        log = task.log
        lines, _end, _rest = log[self._shown :].rpartition("\n")
        if task.has_ended:
            lines = log[self._shown :].rstrip("\n")
        if lines:
            click.echo(lines, err=True)
            self._shown += len(lines) + 1
        if (now := task.progress) and sys.stderr.isatty():
            unit = f"{now.value:g}/{now.target:g} {now.unit}"
            click.echo(f"\r{unit}\x1b[K", nl=task.has_ended, err=True)
