"""Writes the folder of a new plugin."""

import keyword
import re
import sys
from pathlib import Path
from string import Template

import click

__all__ = ["write_plugin"]

_FOLDER = Path(__file__).with_name("scaffold")

_CHAIN = "        chain = count_words.s(db_id=task.id) | "
_STEP = """add_step.s(
            db_id=task.id,
            step_id="length",
            href=url_for(f"{IDENTIFIER}.StepProcessView", db_id=task.id),
            ui_href=url_for(f"{IDENTIFIER}.StepFrontend", db_id=task.id),
            prog_value=50,
        )"""
_KEEP = """    task.data["words"] = words
    task.save(commit=True)"""
_SAVE = """    STORE.persist_task_result(
        db_id, f"{len(words)}", "count.json", "custom/count", "application/json"
    )"""


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
    form = "long" if long else "short"
    if long:
        words["steps"] = _read("long_steps.py.txt").rstrip() if multi_step else ""
        words["chain"] = _CHAIN + (
            _STEP if multi_step else "save_task_result.s(db_id=task.id)"
        )
        words["work"] = _KEEP if multi_step else _SAVE
        words["answer"] = "    task.answer(length=1)" if multi_step else ""
    suffix = "_steps" if multi_step and not long else ""
    module = _filled(f"{form}{suffix}.py.txt", words)
    if long and multi_step:
        module = _with_imports_of_steps(module)
    files = {
        "__init__.py": module,
        f"test_{function}.py": _filled(f"test_{form}{suffix}.py.txt", words),
        "requirements.txt": _read("requirements.txt"),
        "README.md": _filled("README.md", words),
    }
    folder.mkdir(parents=True)
    for file, text in files.items():
        text = re.sub(r"\n{4,}", "\n\n\n", text).replace("\n\n    assert", "\n    assert")
        (folder / file).write_text(text.rstrip() + "\n", "utf-8")
    return folder


def _refuse_bad(name: str, function: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise click.BadParameter(
            "write it in lower case, with dashes between words: my-plugin",
            param_hint="NAME",
        )
    if keyword.iskeyword(function) or function in sys.stdlib_module_names:
        raise click.BadParameter(f"{function} is a word of Python", param_hint="NAME")


def _with_imports_of_steps(module: str) -> str:
    """Add what only the steps need to the imports."""
    for old, new in (
        ("from flask import redirect", "from flask import current_app, redirect"),
        ("import MethodView\n", "import MethodView\nfrom flask_smorest import abort\n"),
        (
            "from qhana_plugin_runner.tasks import save_task_error, save_task_result\n",
            "from qhana_plugin_runner.tasks import (\n    TASK_STEPS_CHANGED,\n    add_step,\n"
            "    save_task_error,\n    save_task_result,\n)\n",
        ),
    ):
        module = module.replace(old, new, 1)
    return module


def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _filled(name: str, words: dict[str, str]) -> str:
    return Template(_read(name)).substitute(words)
