"""What a task was started with, as its page shows it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl

from werkzeug.datastructures import MultiDict

from ...api.form_schemas import form_endpoint
from ...db.models.tasks import TaskFile
from ...forms.description import FormField, describe_form
from ...util.redaction import MASK, display_url
from .catalogue import find_plugin
from .file_urls import file_key, find_file, is_foreign
from .recording import TakenForm, taken_form
from .runs import Run

MAX_LENGTH = 1_000
"""Characters of a value on a page; whole programs may be among them."""


class InputFile(NamedTuple):
    """A file that a task had as an input.

    Attributes:
        name: The name of the file, or a part of its URL.
        url: Where it is.
        file: The file, when it is one of this runner that still exists.
        is_link: Whether browsers may be sent to the URL.
    """

    name: str
    url: str
    file: TaskFile | None
    is_link: bool


@dataclass
class ShownValue:
    """A field of a form.

    Attributes:
        label: For people.
        texts: Its values.
        files: The files that it names.
    """

    label: str
    texts: list[str] = field(default_factory=list)
    files: list[InputFile] = field(default_factory=list)


class ShownInputs(NamedTuple):
    """What a task was started with.

    Attributes:
        files: The fields that name files, and without a label those that later forms named.
        parameters: All other fields.
    """

    files: list[ShownValue]
    parameters: list[ShownValue]


def shown_inputs(run: Run) -> ShownInputs:
    """Return what a task was started with: by the labels of the form, in its order."""
    values = MultiDict(parse_qsl(run.form_data or "", keep_blank_values=True))
    files = {file_key(url): url for url in run.data_inputs}
    found = ShownInputs([], [])
    plugin = find_plugin(run.plugin)
    href = plugin.process_url if plugin else None
    form = taken_form(form_endpoint(href)) if href else None
    for key, label, texts in _fields(form, values):
        urls = [text for text in texts if file_key(text) in files]
        if urls:
            for url in urls:
                del files[file_key(url)]
            found.files.append(ShownValue(label, files=[*map(_input_file, urls)]))
        elif form and key in form.private:
            found.parameters.append(ShownValue(label, [MASK]))
        elif any(texts):
            found.parameters.append(ShownValue(label, [*map(_cut, texts)]))
    if files:
        found.files.append(ShownValue("", files=[*map(_input_file, files.values())]))
    return found


def _fields(
    form: TakenForm | None, values: "MultiDict[str, str]"
) -> Iterable[tuple[str, str, list[str]]]:
    """Yield key, label and values of each field that was sent or is private."""
    try:
        fields = describe_form(form.schema, values).fields if form else []
    except Exception:  # schemas are foreign code
        fields = []
    for each in fields:
        if each.key in values or (form and each.key in form.private):
            yield each.key, each.label, _texts(each, values.getlist(each.key))
    known = {each.key for each in fields}
    for key in values:
        if key not in known:
            yield key, key, values.getlist(key)


def _texts(shown: FormField, sent: list[str]) -> list[str]:
    """Return the values of a field, in the words of its form."""
    if shown.type == "checkbox" and shown.unsent is not None:
        return sent[:1]  # the second is that of the box when it is not ticked
    labels = {option.value: option.label for option in shown.options}
    return [labels.get(each, each) for each in sent]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"


def _input_file(url: str) -> InputFile:
    file = find_file(url)
    name = file.file_name if file else display_url(url)
    return InputFile(name, url, file, is_link=is_foreign(url))
