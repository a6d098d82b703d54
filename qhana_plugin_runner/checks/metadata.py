"""Whether the metadata of a plugin is complete, and true."""

import logging
from collections.abc import Iterator
from typing import Any

from flask import Flask

from ..plugins.loading import LoadedPlugins
from ..util.log_once import is_first_to_log
from .findings import Finding
from .subject import Subject

_logger = logging.getLogger(__name__)


def log_findings(app: Flask) -> None:
    """Write to the log what is wrong with the metadata of the plugins of an app.

    The product does this when it starts: it takes milliseconds for each plugin, and starts no task.
    """
    loaded: LoadedPlugins = app.extensions["qhana_plugins"]
    for plugin in list(loaded.mounted.values()):
        for each in find_in_metadata(Subject(app, plugin, app.test_client())):
            if is_first_to_log(f"{each.place} {each.text}"):
                _logger.warning("plugin %s: %s %s", each.plugin, each.text, each.cure)


def find_in_metadata(subject: Subject) -> Iterator[Finding]:
    """Find what is missing from the metadata, and what is not so."""
    answer = subject.metadata_answer
    if not subject.metadata:
        cause = answer.cause or "it is no JSON object"
        yield subject.finding("metadata-fails", answer.place or subject.root, cause=cause)
        return
    metadata = subject.metadata
    for key in ("title", "description", "name", "version", "type"):
        if not metadata.get(key):
            yield subject.finding("metadata-incomplete", subject.root, key=key)
    for key in ("href", "uiHref"):
        if not subject.entry_point.get(key):
            yield subject.finding(
                "metadata-incomplete", subject.root, key=f"entryPoint.{key}"
            )
    for key in ("name", "version"):
        told, meant = metadata.get(key), getattr(subject.plugin, key)
        if told and told not in (meant, subject.plugin.identifier):
            details = {"key": key, "told": told, "meant": meant}
            yield subject.finding("metadata-differs", subject.root, **details)
    for key, method in (("href", "POST"), ("uiHref", "GET")):
        url = subject.link(key)
        if url is not None and not subject.takes(url, method):
            details = {"key": f"entryPoint.{key}", "url": url, "method": method}
            yield subject.finding("link-dead", subject.root, **details)
    if subject.fields:
        yield from _inputs(subject)


def _inputs(subject: Subject) -> Iterator[Finding]:
    declared = {
        each.get("parameter"): each
        for each in subject.entry_point.get("dataInput") or ()
        if isinstance(each, dict)
    }
    for name, told in declared.items():
        if name not in subject.fields:
            fields = ", ".join(map(repr, subject.fields))
            details = {"name": name, "fields": fields}
            yield subject.finding("input-without-field", subject.root, **details)
        else:
            yield from _differences(subject, name, told)
    if not declared.keys() <= subject.fields.keys():
        return
    for name, field in subject.fields.items():
        if field.metadata.get("data_input_type") and name not in declared:
            yield subject.finding("input-undeclared", subject.root, name=name)


def _differences(subject: Subject, name: str, told: dict[str, Any]) -> Iterator[Finding]:
    field = subject.fields[name]
    types = field.metadata.get("data_content_types") or ()
    meant: dict[str, str | list[str] | None] = {
        "dataType": field.metadata.get("data_input_type"),
        "contentType": [types] if isinstance(types, str) else list(types),
    }
    for what, value in meant.items():
        said = told.get(what)
        same = sorted(said or ()) == sorted(value or ())
        if isinstance(value, str) and value.endswith("*"):  # told more precisely
            same = str(said).startswith(value[:-1])
        if value and said not in ("*", ["*"], ["*/*"]) and not same:
            details = {"name": name, "what": what, "told": said, "meant": value}
            yield subject.finding("input-differs", subject.root, **details)
    if field.required and told.get("required") is False:
        details = {"told": "optional", "meant": "is required", "what": "value"}
        yield subject.finding("input-differs", subject.root, name=name, **details)
