"""Examples that call a plugin from a program, made from the JSON Schema of its form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from mimetypes import guess_extension
from shlex import quote
from typing import Any

from flask import current_app, request

from ...api.form_schemas import form_endpoint, form_schema
from .plugin_entries import PluginEntry

MAX_FIELDS = 8
"""Fields in an example: it shows how to call, not what can be set."""


MAX_LINE = 88


@dataclass(frozen=True)
class Example:
    """A program that starts a task of a plugin and prints what it gets."""

    title: str
    text: str


@dataclass
class _Inputs:
    """What an example sends.

    Attributes:
        fields: Values by name; a list stands for several of them.
        files: Names of files by the name of the field that takes the file itself.
        data: Names of files by the name of the field that takes a URL.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)


def call_examples(plugin: PluginEntry) -> list[Example]:
    """Return the examples for a plugin; none where no form is sent to it."""
    url = plugin.process_url
    endpoint = form_endpoint(url) if url else None
    schema = form_schema(endpoint) if endpoint else None
    if url is None or schema is None:
        return []
    inputs = _inputs(schema)
    needs_token = current_app.config["AUTH_MODE"] == "token"
    return [
        Example("curl", _curl(url, inputs, needs_token)),
        Example("Python (requests)", _requests(url, inputs, needs_token)),
        Example(
            "Python (qhana_plugin_runner.client)", _client(plugin, inputs, needs_token)
        ),
    ]


def _inputs(schema: Mapping[str, Any]) -> _Inputs:
    """Choose values for what is required, and for what makes an example of the rest."""
    inputs = _Inputs()
    required = schema.get("required", ())
    properties = schema["properties"].items()
    shown = [(name, each) for name, each in properties if name in required]
    shown += [
        (name, each)
        for name, each in properties
        if name not in required and each.get("default", "") != ""
    ]
    for name, each in shown[: max(MAX_FIELDS, len(required))] or list(properties)[:1]:
        if each.get("format") == "binary":
            inputs.files[name] = _file_name([each.get("contentMediaType", "")])
        elif "dataInput" in each:
            inputs.data[name] = _file_name(each["dataInput"]["contentType"])
        else:
            inputs.fields[name] = _value(each)
    return inputs


def _file_name(content_types: list[str]) -> str:
    extensions = [guess_extension(each) for each in content_types]
    return f"data{next(filter(None, extensions), '.csv')}"


_BY_FORMAT = {
    "date": "2030-01-31",
    "date-time": "2030-01-31T12:00:00Z",
    "email": "ada@example.org",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

_BY_TYPE: Mapping[str, Any] = {"boolean": True, "array": [], "object": {}}


def _value(words: Mapping[str, Any]) -> Any:
    """Choose a value that a property may have."""
    if "default" in words:
        return words["default"]
    for key in ("enum", "examples"):
        if words.get(key):
            return words[key][0]
    kind = words.get("type", "string")
    if isinstance(kind, list):
        kind = kind[0]
    if kind in ("integer", "number"):
        return _number(words)
    if kind == "array":
        return [_value(words.get("items", {}))]
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    text = _BY_FORMAT.get(
        words.get("format", ""), "secret" if "writeOnly" in words else "text"
    )
    return text.ljust(words.get("minLength", 0), "t")[: words.get("maxLength", len(text))]


def _number(words: Mapping[str, Any]) -> Any:
    if "minimum" in words:
        return words["minimum"]
    if "exclusiveMinimum" in words:
        low, high = words["exclusiveMinimum"], words.get("exclusiveMaximum")
        return low + 1 if high is None or low + 1 < high else (low + high) / 2
    return min(1, words.get("maximum", words.get("exclusiveMaximum", 2) - 1))


def _texts(inputs: _Inputs) -> list[tuple[str, str]]:
    """Return what a form sends for the fields; files of data inputs have to be elsewhere."""
    urls = {name: f"https://example.org/{file}" for name, file in inputs.data.items()}
    return [
        (name, str(each).lower() if isinstance(each, bool) else str(each))
        for name, value in {**inputs.fields, **urls}.items()
        for each in (value if isinstance(value, list) else [value])
    ]


def _curl(url: str, inputs: _Inputs, needs_token: bool) -> str:
    lines = [f"curl --location {quote(url)}"]
    if needs_token:
        lines.append('--header "Authorization: Bearer $QHANA_TOKEN"')
    option = "--form-string" if inputs.files else "--data-urlencode"
    lines += [f"{option} {quote(f'{name}={text}')}" for name, text in _texts(inputs)]
    lines += [f"--form {quote(f'{name}=@{file}')}" for name, file in inputs.files.items()]
    return " \\\n  ".join(lines)


def _requests(url: str, inputs: _Inputs, needs_token: bool) -> str:
    arguments = [_code(url)]
    if needs_token:
        token = "f\"Bearer {os.environ['QHANA_TOKEN']}\""
        arguments.append(f'headers={{"Authorization": {token}}}')
    pairs = _texts(inputs)
    if pairs:
        data: Any = dict(pairs) if len(dict(pairs)) == len(pairs) else pairs
        arguments.append(f"data={_code(data)}")
    if inputs.files:
        files = {
            name: f'open({_code(file)}, "rb")' for name, file in inputs.files.items()
        }
        arguments.append(f"files={_mapping(files)}")
    return "\n".join(
        [
            *(["import os", ""] if needs_token else []),
            "import requests",
            "",
            _call("answer = requests.post", arguments),
            "answer.raise_for_status()",
            "print(answer.url, answer.json())",
        ]
    )


def _client(plugin: PluginEntry, inputs: _Inputs, needs_token: bool) -> str:
    files = {**inputs.data, **inputs.files}
    values = {name: _code(value) for name, value in inputs.fields.items()}
    values |= {name: f"Path({_code(file)})" for name, file in files.items()}
    if all(name.isidentifier() and not iskeyword(name) for name in values):
        arguments = [f"{name}={value}" for name, value in values.items()]
    else:
        arguments = [_mapping(values)]
    runner = [_code(request.url_root)]
    if needs_token:
        runner.append('os.environ["QHANA_TOKEN"]')
    imports = ["import os"] * needs_token + ["from pathlib import Path"] * bool(files)
    return "\n".join(
        [
            *imports,
            *([""] if imports else []),
            "from qhana_plugin_runner.client import Runner",
            "",
            _call("runner = Runner", runner),
            _call("outputs = runner.run", [_code(plugin.identifier), *arguments]),
            "print(outputs)",
        ]
    )


def _call(function: str, arguments: list[str]) -> str:
    """Write a call, in several lines if it is long."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= MAX_LINE:
        return line
    return "\n".join([f"{function}(", *(f"    {each}," for each in arguments), ")"])


def _code(value: Any) -> str:
    """Write a value of JSON in Python, with the quotes that most people use there."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return _mapping({name: _code(each) for name, each in value.items()})
    if isinstance(value, (list, tuple)):
        start, end = "()" if isinstance(value, tuple) else "[]"
        return start + ", ".join(map(_code, value)) + end
    return repr(value)


def _mapping(code: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_code(name)}: {each}" for name, each in code.items()) + "}"
