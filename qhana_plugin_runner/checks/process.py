"""Runs the checks, each plugin in processes of its own: once as a web server, once as a worker.

``check_plugins`` starts ``python -m qhana_plugin_runner.checks.process RESULT FILE...``, which loads
the runner once, and forks for each file.
"""

import gc
import json
import logging
import multiprocessing
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import FileSystemBytecodeCache

from ..api import ROOT_API
from ..forms.jinja_helpers import markdown
from ..plugins.loading import LoadedPlugins, QHAnaPluginBase
from ..plugins.modules import find_modules
from ..testing.running import plugin_app, running
from ..util.flask_app import RunnerFlask
from .accessibility import Form, find_by_axe
from .findings import Finding
from .forms import find_in_form
from .loading import LoadWatch, find_in_loading
from .metadata import find_in_metadata
from .subject import Subject
from .tasks import find_in_names, find_in_process

SECONDS = 180
"""How long the checks of one plugin may take."""

_FORK = multiprocessing.get_context("fork")

_PROGRAMS = {"web": "gunicorn", "worker": "celery"}


def plugin_files(paths: Iterable[str | Path]) -> list[Path]:
    """Return the files of the plugins in folders, and those that are named themselves."""
    return [source.file for source in find_modules(paths)]


def check_plugins(
    files: Sequence[str | Path], on_file: Callable[[str], object] = str
) -> dict[str, list[Finding]]:
    """Check each plugin in processes of its own, and return the findings by file.

    Args:
        files: the modules of plugins; see :func:`plugin_files`
        on_file: called with each file before it is checked
    """
    package = str(Path(__file__).parents[2])
    python_path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    with TemporaryDirectory(prefix="qhana-check-") as folder:
        result = Path(folder, "result.json")
        command = [sys.executable, "-m", __name__, str(result), *map(str, files)]
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": python_path, "MPLBACKEND": "Agg"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                on_file(line.strip())
        found = json.loads(result.read_text("utf-8"))
    return {
        file: [Finding(**each) for each in findings] for file, findings in found.items()
    }


def _check_all(result: str, *files: str) -> None:
    """Check files and write the findings; prints each file before."""
    _import_all()
    findings, forms = {}, {}
    with TemporaryDirectory(prefix="qhana-check-") as folder:
        # What a template compiles to serves the forms of all plugins.
        RunnerFlask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(folder)}
        for file in files:
            print(file, flush=True)
            forms[file] = list[Form]()
            found = _check_file(Path(file), forms[file])
            findings[file] = [each.as_dict() for each in found]
    # In the end: a process that controls a browser must not be forked.
    for file, each in find_by_axe(forms):
        findings[file].append(each.as_dict())
    Path(result).write_text(json.dumps(findings), "utf-8")


def _import_all() -> None:
    """Do what otherwise each child would do: import the runner, and read its schemas."""
    from .. import authoring  # noqa: F401
    from ..operations.metrics import counters  # noqa: F401

    with plugin_app([]):
        ROOT_API.document()
    markdown("Forms have some.")
    gc.freeze()  # no child copies this memory only to look for garbage in it


def _check_file(file: Path, forms: list[Form]) -> Iterator[Finding]:
    """Find what is wrong with a plugin, and add its forms to a list."""
    name = str(file)
    with TemporaryDirectory(prefix="qhana-check-") as folder:
        children = [_Child(file, role, Path(folder, role)) for role in _PROGRAMS]
        answers = [child.answer() for child in children]
    if None in answers:
        yield Finding.of("stuck", name, name, seconds=SECONDS)
        return
    web, worker = [answer for answer in answers if answer is not None]
    yield from (Finding(**each) for each in web["findings"])
    forms += [Form(*each) for each in web["forms"]]
    known = [set(answer["known"]) for answer in (web, worker)]
    if all(known) and known[0] != known[1]:
        lacks = "the worker" if known[1] < known[0] else "the web server"
        text = f"{lacks} lacks {', '.join(sorted(known[0] ^ known[1]))}"
        yield Finding.of("processes-differ", name, name, difference=text)


class _Child:
    """A process that looks at a plugin.

    Args:
        file: of the plugin
        role: ``web`` or ``worker``
        folder: where it works
    """

    def __init__(self, file: Path, role: str, folder: Path) -> None:
        folder.mkdir()
        self._file, self._folder = file, folder
        self._process = _FORK.Process(target=_look, args=(file, role, folder))
        self._process.start()

    def answer(self) -> dict[str, Any] | None:
        """Return what it has found; ``None`` when it takes too long."""
        self._process.join(SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
            return None
        try:
            found: dict[str, Any] = json.loads(
                (self._folder / "result").read_text("utf-8")
            )
        except FileNotFoundError:
            last = (self._folder / "log").read_text("utf-8", "replace").splitlines()[-1:]
            cause = " ".join(["its process has ended.", *last])
            details = {"cause": cause, "advice": "Remove what ends the process."}
            name = str(self._file)
            finding = Finding.of("import-fails", name, name, **details)
            return {"findings": [finding.as_dict()], "known": [], "forms": []}
        return found


def _look(file: Path, role: str, folder: Path) -> None:
    """Load a plugin, check it in one of the two roles, and write what was found."""
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    os.chdir(folder)
    sys.argv = [_PROGRAMS[role]]
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    watch = LoadWatch(file)
    watch.start()
    with plugin_app([file], folder) as app, running(app) as runs:
        plugins = QHAnaPluginBase.get_plugins()
        tasks = {name for each in plugins.values() for name in watch.tasks_of(each)}
        known = [*plugins, *tasks, "the runner's own"]
        findings: list[Finding] = []
        forms: list[Form] = []
        if role == "web":
            ROOT_API.document()
            findings += find_in_loading(app, watch)
            loaded: LoadedPlugins = app.extensions["qhana_plugins"]
            for plugin in plugins.values():
                served = plugin.identifier in loaded.mounted
                subject = Subject(app, plugin, runs.client, runs)
                findings += _find(subject, watch, served)
                if served and subject.page is not None:
                    page, url = subject.page, subject.link("uiHref") or ""
                    forms.append(Form(plugin.identifier, url, page.html))
        shown = [each.as_dict() for each in findings]
        found = {"findings": shown, "known": known, "forms": forms}
        (folder / "result").write_text(json.dumps(found), "utf-8")


def _find(subject: Subject, watch: LoadWatch, is_served: bool) -> Iterator[Finding]:
    yield from find_in_names(subject, watch.tasks_of(subject.plugin))
    if is_served:
        yield from find_in_metadata(subject)
        yield from find_in_form(subject)
        yield from find_in_process(subject)


if __name__ == "__main__":
    _check_all(*sys.argv[1:])
