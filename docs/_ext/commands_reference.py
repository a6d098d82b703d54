"""Directives for commands, whose help comes from the commands themselves.

``command-help`` shows what a command prints; ``flask-commands`` and ``invoke-tasks`` list all
commands of the runner's app and all tasks of ``tasks.py``.
"""

import importlib.util
import os
import runpy
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import click
from docutils import nodes
from invoke.collection import Collection
from rest_reference import runner
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]


@cache
def output_of(command: str) -> str:
    """Return what a command of the checkout prints.

    Modules of Python are run in this process, which has imported most of what they need.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    words = shlex.split(command)
    environment = {**os.environ, "COLUMNS": "90", "NO_COLOR": "1"}
    if words[:2] == ["python", "-m"]:
        return output_of_module(words[2:], environment)
    result = subprocess.run(
        words, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return result.stdout


def output_of_module(words: list[str], environment: dict[str, str]) -> str:
    """Return what a module prints that is run as a program."""
    status: object = None
    with (
        patch.object(sys, "argv", words),
        patch.dict(os.environ, environment),
        redirect_stdout(StringIO()) as printed,
    ):
        try:
            runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        except SystemExit as end:
            status = end.code
    if status:
        raise subprocess.CalledProcessError(1, words, printed.getvalue())
    return printed.getvalue()


class CommandHelp(SphinxDirective):
    """Shows the output of the command that is given as argument."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        text = output_of(self.arguments[0])
        return [nodes.literal_block(text, text, language="text")]


def flask_commands() -> list[tuple[str, str]]:
    """Return name and help of each command of the runner's app, those of groups included."""
    app, _ = runner()
    found = []
    context = click.Context(app.cli)
    for name in app.cli.list_commands(context):
        command = app.cli.get_command(context, name)
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                text = command.get_command(context, inner).get_short_help_str(200)
                found.append((f"{name} {inner}", text))
        else:
            found.append((name, command.get_short_help_str(200)))
    return sorted(found)


class FlaskCommands(SphinxDirective):
    """One row for each command."""

    def run(self) -> list[nodes.Node]:
        lines = ["| Command | What it does |", "| --- | --- |"]
        lines += [f"| `flask {name}` | {text} |" for name, text in flask_commands()]
        return self.parse_text_to_nodes("\n".join(lines))


def invoke_tasks() -> Collection:
    """Return the tasks of ``tasks.py``, which loads ``.env`` when it is imported."""
    before = dict(os.environ)
    spec = importlib.util.spec_from_file_location("tasks", ROOT / "tasks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return Collection.from_module(module)


class InvokeTasks(SphinxDirective):
    """A definition for each task, with its options."""

    def run(self) -> list[nodes.Node]:
        tasks = invoke_tasks()
        lines = []
        for name, task in sorted((name, tasks[name]) for name in tasks.task_names):
            lines += [
                f"`invoke {name}`",
                f": {(task.__doc__ or '').strip().splitlines()[0]}",
                "",
            ]
            for argument in task.get_arguments():
                option = argument.name.replace("_", "-")
                lines += [f"  * `--{option}`: {argument.help or ''}"]
            lines += [""]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("command-help", CommandHelp)
    app.add_directive("flask-commands", FlaskCommands)
    app.add_directive("invoke-tasks", InvokeTasks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
