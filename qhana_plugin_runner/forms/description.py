"""What a form shows for each field of a schema; the template ``forms.html`` writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma
from flask import has_request_context, request
from marshmallow.exceptions import SCHEMA as SCHEMA_ERRORS

from .attributes import Attributes
from .checks import get_input_attr_step, get_input_type, validation_attrs
from .choices import Option, find_choices, find_suggestions, select_options
from .kinds import input_kind, kind_of
from .values import default_values, find_values, messages, plain_text

_DATA_KEYS = ("data_input_type", "data_content_types")
_PLUGIN_KEYS = ("plugin_tags", "plugin_name", "plugin_version")


@dataclass
class FormField:
    """A field as the form shows it.

    Attributes:
        name: Its Python name, the ``id`` of the input.
        key: Its data key, the ``name`` of the input.
        type: See :func:`~.checks.get_input_type`.
        label: A few words, plain text.
        description: Markdown.
        errors: Plain texts.
        multiple: Whether the field holds a list.
        attributes: Of the input, besides those that follow from the above.
        is_required: Whether people have to fill it in.
        values: The texts of its inputs; one, except for lists.
        unsent: What a hidden input after the control sends when the control sends nothing.
        options: The choices of a select, or what an input suggests.
        picks: What its choose button picks: ``data``, ``plugin``, or nothing.
        picker: Attributes of the choose button.
        related: Attributes of the button that chooses among related files, if there is one.
    """

    name: str
    key: str
    type: str
    label: str
    description: str
    errors: list[str]
    multiple: bool
    attributes: Attributes = field(default_factory=Attributes)
    is_required: bool = False
    values: list[str] = field(default_factory=list)
    unsent: str | None = None
    options: list[Option] = field(default_factory=list)
    picks: str | None = None
    picker: Attributes = field(default_factory=Attributes)
    related: Attributes | None = None

    def __hash__(self) -> int:
        return hash((self.name, self.type, self.description))


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
    """Describe the form of a schema; undefined arguments and ``None`` count as empty.

    Args:
        schema: An instance (or the class) of a marshmallow schema.
        values: Data key -> value, a mapping or a MultiDict, as sent by a form or loaded.
        errors: Data key -> messages, as marshmallow reports them.
        extras: Python name -> metadata that overrides the metadata of the field.
    """
    values, errors, extras = values or {}, errors or {}, extras or {}
    if not schema:
        return Form([], messages(errors))
    if isinstance(schema, type):
        schema = schema()
    fields = [
        _describe_field(schema, name, each, values, errors, extras.get(name))
        for name, each in schema.fields.items()
        if not each.dump_only
    ]
    if not errors or _is_first_visit():
        return Form(fields, [])
    shown = {each.key for each in fields}
    other = {key: each for key, each in errors.items() if key not in shown}
    return Form(fields, messages(other.pop(SCHEMA_ERRORS, None)) + messages(other))


def _is_first_visit() -> bool:
    """Whether nothing was sent yet: errors that belong to no field are then not the user's."""
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
        multiple=isinstance(field, ma.fields.List),
    )
    _fill(shown, field, metadata, values)
    if input_kind(shown.type).suggests:
        shown.options = find_suggestions(schema, name, metadata)
    _add_attributes(shown, field, metadata)
    if metadata.get("attributes_of") and shown.type in ("text", "text_with_datalist"):
        shown.type = "text_with_datalist"
        source = _input_id(schema, str(metadata["attributes_of"]))
        shown.attributes["data-attributes-of"] = source
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
        shown.unsent = _switch_text(inner, False)
    elif shown.type == "select" and shown.multiple:
        shown.unsent = ""
    # A text's checkbox sends nothing when it is off.
    is_off = shown.type == "checkbox" and shown.unsent is None and values
    if given is None and not is_off:
        given = default_values(field, shown.multiple)
    given = given or []
    if shown.type == "select":
        shown.options = select_options(inner, find_choices(field, metadata), given)
    elif shown.type == "checkbox":
        shown.values = [_switch_text(inner, True)] if is_switch else []
        shown.attributes["checked"] = any(_is_checked(inner, each) for each in given)
    elif shown.type != "file":
        write = kind_of(inner).text
        _hold(shown, inner, [write(inner, value) for value in given])


def _hold(shown: FormField, field: ma.fields.Field[Any], texts: list[str]) -> None:
    """Set the values; a value that the browser would not show changes the type of the input."""
    kind = input_kind(shown.type)
    held = [kind.hold(field, text) if text else text for text in texts]
    if None in held and not (shown.multiple and kind.instead == "textarea"):
        shown.type = kind.instead
        _hold(shown, field, texts)
    else:
        shown.values = [text if held is None else held for text, held in zip(texts, held)]
        shown.values = shown.values or [""]


def _is_checked(field: ma.fields.Field[Any], value: Any) -> bool:
    """Whether a value, loaded or as a form sent it, ticks the checkbox of a field.

    Any text ticks the checkbox of a text: it was sent because the box was ticked.
    """
    if isinstance(value, str) and isinstance(field, ma.fields.Boolean):
        return value in field.truthy
    return bool(value)


def _switch_text(field: Any, is_on: bool) -> str:
    """Return what a checkbox sends for a field that takes only certain texts as true or false.

    >>> _switch_text(ma.fields.Boolean(), False)
    'false'
    >>> _switch_text(ma.fields.Boolean(truthy={"yes"}, falsy={"no"}), True)
    'yes'
    """
    default = plain_text(is_on)
    allowed = field.truthy if is_on else field.falsy
    if default in allowed:
        return default
    return min((each for each in allowed if isinstance(each, str)), default=default)


def _add_attributes(
    shown: FormField, field: ma.fields.Field[Any], metadata: Mapping[str, Any]
) -> None:
    """Set what the browser checks, and what the script needs."""
    shown.attributes.update(validation_attrs(field, shown.type))
    is_switch = shown.type == "checkbox" and shown.unsent is not None
    shown.is_required = field.required and shown.type != "hidden" and not is_switch
    if shown.type == "textarea":
        lines = max(len(value.splitlines()) for value in shown.values)
        shown.attributes["rows"] = str(min(max(lines, 5), 15))
    if input_kind(shown.type).is_ordered:
        shown.attributes["step"] = metadata.get("step") or get_input_attr_step(field)
    if shown.type == "password" or metadata.get("private"):
        shown.attributes["data-private"] = True
    if shown.type == "file" and metadata.get("data_content_types"):
        types = _words(metadata["data_content_types"]).split()
        shown.attributes["accept"] = ",".join(types)


def _add_pickers(
    shown: FormField,
    schema: ma.Schema,
    field: ma.fields.Field[Any],
    metadata: Mapping[str, Any],
) -> None:
    """Add the buttons by which a host page offers files or plugins for a URL."""
    if not input_kind(shown.type).is_text:
        return
    picks = kind_of(field).picks if not shown.multiple else None
    if picks == "plugin" or any(metadata.get(key) for key in _PLUGIN_KEYS):
        shown.picks = "plugin"
        shown.picker = Attributes(
            {
                "data-input-id": shown.name,
                "data-plugin-tags": _words(metadata.get("plugin_tags")),
                "data-plugin-name": metadata.get("plugin_name") or "",
                "data-plugin-version": metadata.get("plugin_version") or "",
            }
        )
    elif picks == "data" or any(metadata.get(key) for key in _DATA_KEYS):
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
