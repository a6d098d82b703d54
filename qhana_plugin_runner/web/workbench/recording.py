"""Records what a task is started with when its row is written, whoever sends the form.

What is recorded is what the micro frontend would tell its host: the values of the form that the
plugin's view takes, without private ones, and the URLs of files among them. Where inputs are sent
that the schema of the form does not know, nobody here knows which of them are private: then the
values are left to the page that hosts the micro frontend.
"""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from flask import current_app, has_request_context, request
from sqlalchemy import Connection, event, insert

from ...api.form_schemas import view_arguments
from ...db.models.tasks import ProcessingTask
from ...db.models.workbench import RunInput, RunValues
from ...forms.description import describe_form
from ...forms.json_schema import is_private, merged
from ...util.logging import plugin_of_request
from ...util.redaction import redact_log_data
from .runs import inputs_by_key, saved_values

_INSERT_VALUES = insert(RunValues.__table__)
_INSERT_INPUTS = insert(RunInput.__table__)

_logger = logging.getLogger(__name__)


class TakenForm(NamedTuple):
    """The form that a view takes.

    Attributes:
        schema: Its schema.
        known: The names of its inputs.
        private: The names of the inputs whose values nobody may see.
        data: The names of the inputs that take the URLs of files.
    """

    schema: Any
    known: frozenset[str]
    private: frozenset[str]
    data: frozenset[str]


_forms: WeakKeyDictionary[Callable[..., Any], TakenForm | None] = WeakKeyDictionary()
"""By the functions of views, which live as long as the apps that serve them."""


def taken_form(endpoint: str | None) -> TakenForm | None:
    """Return the form that an endpoint of the current app takes, if it takes one."""
    view = current_app.view_functions.get(endpoint or "")
    if view is None:
        return None
    if view not in _forms:
        _forms[view] = _read_form(endpoint, view)
    return _forms[view]


def _read_form(endpoint: str | None, view: Callable[..., Any]) -> TakenForm | None:
    _function, taken = view_arguments(view, "POST")
    schemas = [schema for place, schema in taken if place == "form"]
    if not schemas:
        return None
    try:
        schema = merged(schemas)
        fields = describe_form(schema).fields
        private = {
            each.data_key or name
            for name, each in schema.fields.items()
            if is_private(each)
        }
        private |= {each.key for each in fields if "data-private" in each.attributes}
        known = {each.key for each in fields}
        data = {each.key for each in fields if each.picks == "data"}
    except Exception:  # schemas are foreign code
        _logger.warning("the form of %s cannot be read", endpoint, exc_info=True)
        return None
    return TakenForm(schema, *map(frozenset, (known, private, data)))


@event.listens_for(ProcessingTask, "after_insert", propagate=True)
def _record(_mapper: Any, connection: Connection, task: ProcessingTask) -> None:
    """Record the form of this request, in the transaction that writes the row of its task."""
    if not has_request_context() or request.method != "POST":
        return
    plugin = plugin_of_request()
    form = taken_form(request.endpoint) if plugin else None
    if form is None:
        return
    sent = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if redact_log_data({name: value}, form.private)[name] == value
    ]
    if all(name in form.known for name in request.form):
        values = {"task_id": task.id, "plugin": plugin, "form_data": saved_values(sent)}
        connection.execute(_INSERT_VALUES, values)
    inputs = inputs_by_key(value for name, value in sent if name in form.data)
    if inputs:
        rows = [
            {"task_id": task.id, "number": number, "key": key, "url": url}
            for number, (key, url) in enumerate(inputs.items())
        ]
        connection.execute(_INSERT_INPUTS, rows)
