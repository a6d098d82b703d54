"""Writes the folder of a new plugin."""

import keyword
import re
import sys
from pathlib import Path
from string import Template

import click

_FOLDER = Path(__file__).with_name("scaffold")


def write_plugin(
    name: str, parent: Path, kind: str, multi_step: bool, long: bool
) -> Path:
    """Write module, test, requirements and README of a new plugin, and return its folder.

    Args:
        name: lower-case words with dashes between them
        parent: in which the folder is made
        kind: a member of :class:`~qhana_plugin_runner.api.plugin_schemas.PluginType`
        multi_step: whether the plugin asks the user again
        long: whether each part is written down, instead of a function with a decorator

    Raises:
        click.ClickException: the name cannot be used, or is taken.
    """
    function = name.replace("-", "_")
    _refuse_bad(name, function)
    folder = parent / function
    if folder.exists():
        raise click.ClickException(f"{folder} is there already: choose another name")
    words = {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "function": function,
        "class": name.title().replace("-", ""),
        "kind": kind,
        "folder": str(folder),
    }
    form = ("long" if long else "short") + ("_steps" if multi_step else "")
    files = {
        "__init__.py": f"{form}.py.txt",
        f"test_{function}.py": f"test_{form}.py.txt",
        "requirements.txt": "requirements.txt",
        "README.md": "README.md",
    }
    folder.mkdir(parents=True)
    for file, source in files.items():
        template = Template((_FOLDER / source).read_text("utf-8"))
        (folder / file).write_text(template.substitute(words), "utf-8")
    return folder


def _refuse_bad(name: str, function: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise click.BadParameter(
            "write it in lower case, with dashes between words: my-plugin",
            param_hint="NAME",
        )
    if keyword.iskeyword(function) or function in sys.stdlib_module_names:
        raise click.BadParameter(f"{function} is a word of Python", param_hint="NAME")
