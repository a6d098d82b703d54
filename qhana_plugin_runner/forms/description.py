"""What a form shows for each field of a schema; the template ``forms.html`` writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma
from flask import has_request_context, request
from marshmallow.exceptions import SCHEMA as SCHEMA_ERRORS

from ..api.util import FileUrl, PluginUrl
from .attributes import Attributes
from .checks import validation_attrs
from .choices import Option, find_choices, find_suggestions, select_options
from .inputs import get_input_attr_step, get_input_type
from .kinds import input_kind, kind_of
from .values import (
    default_values,
    find_values,
    is_checked,
    messages,
    plain_text,
    switch_text,
    value_text,
)

__all__ = ["Form", "FormField", "describe_form"]

_DATA_KEYS = ("data_input_type", "data_content_types")
_PLUGIN_KEYS = ("plugin_tags", "plugin_name", "plugin_version")


@dataclass
class FormField:
    """A field as the form shows it.

    Attributes:
        name: its Python name, the ``id`` of the input.
        key: its data key, the ``name`` of the input.
        type: see :func:`~.inputs.get_input_type`.
        label: a few words, plain text.
        description: Markdown.
        errors: plain texts.
        attributes: of the input, beside those that follow from the above.
        multiple: whether the field holds a list.
        is_required: whether people have to fill it in.
        values: the texts of its inputs; one, except for lists.
        unsent: what a hidden input after the control sends when the control sends nothing.
        options: the choices of a select, or what an input suggests.
        picks: what its choose button picks: ``data``, ``plugin``, or nothing.
        picker: attributes of the choose button.
        related: attributes of the button that chooses among related files, if there is one.
    """

    name: str
    key: str
    type: str
    label: str
    description: str
    errors: list[str]
    attributes: Attributes
    multiple: bool
    is_required: bool = False
    unsent: str | None = None
    values: list[str] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    picks: str | None = None
    picker: Attributes = field(default_factory=Attributes)
    related: Attributes | None = None


@dataclass
class Form:
    """The fields of a form in their order, and the errors that belong to none of them."""

    fields: list[FormField]
    errors: list[str]

    @property
    def has_required(self) -> bool:
        return any(each.is_required for each in self.fields)

    @property
    def wrong_fields(self) -> list[FormField]:
        return [each for each in self.fields if each.errors]


def describe_form(
    schema: Any, values: Any = None, errors: Any = None, extras: Any = None
) -> Form:
    """Describe the form of a schema; what is undefined or ``None`` counts as empty.

    Parameters:
        schema: an instance (or the class) of a marshmallow schema.
        values: data key -> value, a mapping or a MultiDict, as sent by a form or loaded.
        errors: data key -> messages, as marshmallow reports them.
        extras: Python name -> metadata that is laid over that of the field.
    """
    errors = errors or {}
    if not schema:
        return Form([], messages(errors))
    if isinstance(schema, type):
        schema = schema()
    fields = [
        _describe_field(
            schema, name, each, values or {}, errors, (extras or {}).get(name)
        )
        for name, each in schema.fields.items()
        if not each.dump_only
    ]
    if _is_first_visit():
        return Form(fields, [])
    shown = {each.key for each in fields}
    other = {key: each for key, each in errors.items() if key not in shown}
    return Form(fields, messages(other.pop(SCHEMA_ERRORS, None)) + messages(other))


def _is_first_visit() -> bool:
    """Whether nothing was sent yet: what belongs to no field is then no fault of the user."""
    return (
        has_request_context() and request.method in ("GET", "HEAD") and not request.args
    )


def _describe_field(
    schema: ma.Schema,
    name: str,
    field: ma.fields.Field[Any],
    values: Any,
    errors: Mapping[str, Any],
    extra: Mapping[str, Any] | None,
) -> FormField:
    metadata = {**field.metadata, **(extra or {})}
    key = field.data_key or name
    shown = FormField(
        name=name,
        key=key,
        type=str(metadata.get("input_type") or get_input_type(field)),
        label=str(metadata.get("label") or name.replace("_", " ").strip().capitalize()),
        description=str(metadata.get("description") or ""),
        errors=messages(errors.get(key)),
        attributes=Attributes(),
        multiple=isinstance(field, ma.fields.List),
    )
    _fill(shown, field, metadata, values)
    if input_kind(shown.type).suggests:
        shown.options = find_suggestions(schema, name, metadata)
    _add_attributes(shown, field, metadata)
    _add_pickers(shown, schema, field, metadata)
    return shown


def _fill(
    shown: FormField,
    field: ma.fields.Field[Any],
    metadata: Mapping[str, Any],
    values: Any,
) -> None:
    """Set values and choices, and another type where the input could not hold the values."""
    given = find_values(values, shown.key, shown.multiple)
    inner = field.inner if isinstance(field, ma.fields.List) else field
    is_switch = shown.type == "checkbox" and kind_of(inner).is_switch
    if is_switch and not shown.multiple:
        shown.unsent = switch_text(inner, False)
    elif shown.type == "select" and shown.multiple:
        shown.unsent = ""
    # Nothing is sent for the box of a text that is not ticked.
    is_off = shown.type == "checkbox" and shown.unsent is None and values
    if given is None and not is_off:
        given = default_values(field, shown.multiple)
    given = given or []
    if shown.type == "select":
        shown.options = select_options(field, find_choices(field, metadata), given)
    elif shown.type == "checkbox":
        shown.values = [switch_text(inner, True)] if is_switch else []
        shown.attributes["checked"] = any(is_checked(inner, each) for each in given)
    elif shown.type != "file":
        _hold(shown, inner, [value_text(inner, value) for value in given])


def _hold(shown: FormField, field: ma.fields.Field[Any], texts: list[str]) -> None:
    """Set the values; what the browser would not show goes into another type of input."""
    kind = input_kind(shown.type)
    held = [kind.hold(field, text) if text else text for text in texts]
    if None in held and not (shown.multiple and kind.instead == "textarea"):
        shown.type = kind.instead
        _hold(shown, field, texts)
    else:
        shown.values = [text if held is None else held for text, held in zip(texts, held)]
        shown.values = shown.values or [""]


def _add_attributes(
    shown: FormField, field: ma.fields.Field[Any], metadata: Mapping[str, Any]
) -> None:
    """Set what the browser checks, and what the script wants to know."""
    shown.attributes.update(validation_attrs(field, shown.type))
    is_switch = shown.type == "checkbox" and shown.unsent is not None
    shown.is_required = field.required and shown.type != "hidden" and not is_switch
    if input_kind(shown.type).is_ordered:
        shown.attributes["step"] = metadata.get("step") or get_input_attr_step(field)
    if shown.type == "password" or metadata.get("private"):
        shown.attributes["data-private"] = True
    if shown.type == "file" and metadata.get("data_content_types"):
        shown.attributes["accept"] = ",".join(
            _words(metadata["data_content_types"]).split()
        )


def _add_pickers(
    shown: FormField,
    schema: ma.Schema,
    field: ma.fields.Field[Any],
    metadata: Mapping[str, Any],
) -> None:
    """Add the buttons by which a host page offers files or plugins for a URL."""
    if not input_kind(shown.type).is_text:
        return
    if isinstance(field, PluginUrl) or any(metadata.get(key) for key in _PLUGIN_KEYS):
        shown.picks = "plugin"
        shown.picker = Attributes(
            {
                "data-input-id": shown.name,
                "data-plugin-tags": _words(metadata.get("plugin_tags")),
                "data-plugin-name": metadata.get("plugin_name") or "",
                "data-plugin-version": metadata.get("plugin_version") or "",
            }
        )
    elif isinstance(field, FileUrl) or any(metadata.get(key) for key in _DATA_KEYS):
        shown.picks = "data"
        shown.picker = Attributes(
            {
                "data-input-id": shown.name,
                "data-input": metadata.get("data_input_type") or "*",
                "data-content-type": _words(metadata.get("data_content_types")) or "*",
            }
        )
        if metadata.get("related_to"):
            related = {
                "data-related-input-id": _input_id(schema, str(metadata["related_to"])),
                "data-relation": metadata.get("relation") or "any",
                "data-include-self": plain_text(
                    bool(metadata.get("related_include_self"))
                ),
            }
            shown.related = Attributes({**shown.picker, **related})
    if shown.picks:
        shown.attributes["data-input-type"] = shown.picks


def _words(items: Any) -> str:
    return items if isinstance(items, str) else " ".join(items or ())


def _input_id(schema: ma.Schema, name: str) -> str:
    """Return the id of the input of a field that is named by its Python name or data key."""
    for python_name, each in schema.fields.items():
        if name in (python_name, each.data_key):
            return python_name
    return name
