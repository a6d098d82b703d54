"""What a form shows for each field of a schema; the template ``forms.html`` writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma
from marshmallow.exceptions import SCHEMA as SCHEMA_ERRORS

from ..api.util import FileUrl, PluginUrl
from .attributes import Attributes
from .checks import ORDERED_TYPES, TEXT_TYPES, validation_attrs
from .choices import Option, find_choices, find_suggestions, select_options
from .inputs import get_input_attr_step, get_input_type
from .values import (
    default_values,
    find_values,
    is_checked,
    messages,
    plain_text,
    value_text,
)

__all__ = ["Form", "FormField", "describe_form"]

_SUGGESTING_TYPES = (TEXT_TYPES | ORDERED_TYPES) - {"textarea", "password"}
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
        values: the texts of its inputs; one, except for lists.
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
        return any("required" in each.attributes for each in self.fields)

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
    shown = {each.key for each in fields}
    other = {key: each for key, each in errors.items() if key not in shown}
    return Form(fields, messages(other.pop(SCHEMA_ERRORS, None)) + messages(other))


def _describe_field(
    schema: ma.Schema,
    name: str,
    field: ma.fields.Field[Any],
    values: Any,
    errors: Mapping[str, Any],
    extra: Mapping[str, Any] | None,
) -> FormField:
    metadata = {**field.metadata, **(extra or {})}
    input_type = str(metadata.get("input_type") or get_input_type(field))
    key = field.data_key or name
    shown = FormField(
        name=name,
        key=key,
        type=input_type,
        label=str(metadata.get("label") or name.replace("_", " ").strip().capitalize()),
        description=str(metadata.get("description") or ""),
        errors=messages(errors.get(key)),
        attributes=validation_attrs(field, input_type),
        multiple=isinstance(field, ma.fields.List),
    )
    if input_type in ORDERED_TYPES:
        shown.attributes["step"] = (
            metadata.get("step") or get_input_attr_step(field) or None
        )
    if input_type == "password" or metadata.get("private"):
        shown.attributes["data-private"] = True
    if input_type == "file" and metadata.get("data_content_types"):
        shown.attributes["accept"] = ",".join(
            _words(metadata["data_content_types"]).split()
        )
    _fill(shown, field, metadata, values)
    _add_pickers(shown, schema, field, metadata)
    return shown


def _fill(
    shown: FormField,
    field: ma.fields.Field[Any],
    metadata: Mapping[str, Any],
    values: Any,
) -> None:
    """Set values and choices."""
    given = find_values(values, shown.key, shown.multiple)
    # Of these a form sends nothing when nothing is chosen.
    may_be_absent = shown.type == "checkbox" or (
        shown.type == "select" and shown.multiple
    )
    if given is None and not (may_be_absent and values):
        given = default_values(field, shown.multiple)
    given = given or []
    if shown.type == "select":
        shown.options = select_options(field, find_choices(field, metadata), given)
    elif shown.type == "checkbox":
        shown.values = ["true"]
        shown.attributes["checked"] = any(map(is_checked, given))
    elif shown.type != "file":
        inner = field.inner if isinstance(field, ma.fields.List) else field
        shown.values = [value_text(inner, value, shown.type) for value in given] or [""]
    if shown.type in _SUGGESTING_TYPES:
        shown.options = find_suggestions(field, metadata)


def _add_pickers(
    shown: FormField,
    schema: ma.Schema,
    field: ma.fields.Field[Any],
    metadata: Mapping[str, Any],
) -> None:
    """Add the buttons by which a host page offers files or plugins for a URL."""
    if shown.type not in TEXT_TYPES:
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
