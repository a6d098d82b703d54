"""Whether the endpoint takes what the form sends, and the task makes what was promised."""

import ast
import io
import zipfile
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import FunctionType
from typing import Any
from urllib.parse import urlsplit

from celery.exceptions import NotRegistered
from werkzeug.datastructures import MultiDict

from ..plugins.loading import QHAnaPluginBase
from ..testing.running import Output, PluginTask, forget_messages, work_off
from ..util.content_types import CSV, JSON, JSON_LINES
from .findings import Finding
from .subject import Subject


def find_in_names(
    subject: Subject, tasks: Mapping[str, list[FunctionType]]
) -> Iterator[Finding]:
    """Find Celery tasks that may collide, or that cannot be cancelled.

    Args:
        subject: the plugin
        tasks: the functions of its Celery tasks by their names
    """
    top = type(subject.plugin).__module__.partition(".")[0]
    owners = tuple(
        f"{identifier}."
        for identifier, plugin in QHAnaPluginBase.get_plugins().items()
        if type(plugin).__module__.partition(".")[0] == top
    )
    for name, functions in tasks.items():
        code = functions[0].__code__
        place = f"{code.co_filename}:{code.co_firstlineno}"
        if not name.startswith(owners):
            short = name.rpartition(".")[2]
            yield subject.finding("task-name-foreign", place, name=name, short=short)
        if line := _swallows_all(Path(code.co_filename), code.co_firstlineno):
            place = f"{code.co_filename}:{line}"
            yield subject.finding("cancel-swallowed", place, name=name)


def _swallows_all(file: Path, first_line: int) -> int | None:
    """Return the line in a function where all errors are caught, and none is raised again."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError):
        return None
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        lines = [function.lineno, *(each.lineno for each in function.decorator_list)]
        if first_line not in lines:
            continue
        for handler in ast.walk(function):
            if isinstance(handler, ast.ExceptHandler):
                kind = handler.type
                is_all = kind is None or getattr(kind, "id", "") == "BaseException"
                raises = any(isinstance(each, ast.Raise) for each in ast.walk(handler))
                if is_all and not raises:
                    return handler.lineno
    return None


def find_in_process(subject: Subject) -> Iterator[Finding]:
    """Send the form empty and filled in; run the task, and look at what comes out of it."""
    url, form = subject.link("href"), subject.filled_in
    page = subject.page
    if url is None or page is None or not subject.takes(url, "POST"):
        return
    names = [each.name for each in page.controls if each.is_required]
    names += [name for name, field in subject.fields.items() if field.required]
    if names:
        answer = subject.ask(url, "POST", data={})
        forget_messages()
        if answer.status < 400:
            yield subject.finding("process-takes-anything", url, name=names[0])
            return
    if form is None or subject.lacking:
        return
    sent = {key: value for key, value in form.items() if isinstance(value, str)}
    answer = subject.ask(url, "POST", data=MultiDict(form))
    if answer.cause:
        code = "process-refuses" if 400 <= answer.status < 500 else "process-fails"
        details = {"cause": answer.cause, "values": sent}
        yield subject.finding(code, answer.place or url, **details)
        return
    task_url = answer.response.headers.get("Location", "")
    if answer.status not in (301, 302, 303, 307) or "/tasks/" not in task_url:
        status = answer.response.status
        yield subject.finding("process-without-task", url, status=status)
        return
    yield from _run(subject, task_url)


def _run(subject: Subject, url: str) -> Iterator[Finding]:
    try:
        work_off(subject.app)
    except NotRegistered as error:
        name = str(error.args[0])
        forget_messages()
        yield subject.finding("task-unknown", name=name)
        return
    assert subject.runs is not None
    task = PluginTask(subject.runs, url)
    if task.status == "PENDING" and task.open_step is None:
        yield subject.finding("task-never-ends", urlsplit(url).path)
    elif task.status == "SUCCESS" and task.open_step is None:
        yield from _outputs(subject, task)


def _outputs(subject: Subject, task: PluginTask) -> Iterator[Finding]:
    declared = [
        each
        for each in subject.entry_point.get("dataOutput") or ()
        if isinstance(each, dict)
    ]
    made = task.outputs
    for output in made:
        types = f"{output.data_type}, {output.content_type}"
        if not any(_is_of(output, each) for each in declared):
            names = "; ".join(map(_described, declared)) or "none"
            details = {"name": output.name, "types": types, "declared": names}
            yield subject.finding("output-undeclared", **details)
        elif cause := _fault(output):
            details = {"name": output.name, "type": output.content_type, "cause": cause}
            yield subject.finding("output-malformed", **details)
    if any(_fault(each) or not any(_is_of(each, d) for d in declared) for each in made):
        return
    for each in declared:
        if each.get("required") and not any(_is_of(output, each) for output in made):
            yield subject.finding("output-missing", declared=_described(each))


def _described(declared: Mapping[str, Any]) -> str:
    types = declared.get("contentType") or ()
    return f"{declared.get('dataType')}, {' or '.join(types)}"


def _is_of(output: Output, declared: Mapping[str, Any]) -> bool:
    content_type = output.content_type.partition(";")[0].strip()
    types = declared.get("contentType") or ["*"]
    types = [types] if isinstance(types, str) else types
    return fnmatchcase(output.data_type, str(declared.get("dataType") or "*")) and any(
        fnmatchcase(content_type.lower(), str(each).lower()) for each in types
    )


def _fault(output: Output) -> str | None:
    """Return why the content is not of its type; ``None`` when it is, or nobody knows."""
    content_type = output.content_type.partition(";")[0].strip()
    try:
        if content_type == JSON:
            output.json()
        elif content_type == JSON_LINES or (
            content_type == CSV and output.data_type.startswith("entity/")
        ):
            output.entities()
        elif content_type == "application/zip":
            zipfile.ZipFile(io.BytesIO(output.content)).close()
        elif content_type.startswith("text/"):
            output.text
    except Exception as error:  # whatever its reader says
        text = str(error).strip() or type(error).__name__
        return text.splitlines()[0][:200]
    return None
