"""Habits of marshmallow 3 in fields and validators."""

import inspect
from collections.abc import Callable
from typing import Any

import marshmallow
import marshmallow.utils
from marshmallow import fields, validate

from .habits import Met, Patches, habit

_OLD = "marshmallow 3"
_MISSING: Any = marshmallow.missing


# -- keywords of fields -------------------------------------------------------------------------


def _renamed_field_keyword(old: str, new: str) -> Callable[[Patches, Met], None]:
    def translate(patches: Patches, met: Met) -> None:
        def init(original: Callable[..., None], field: Any, **kwargs: Any) -> None:
            value = kwargs.pop(old, _MISSING)
            if value is not _MISSING:
                met(f"{type(field).__name__}({old}={value!r})")
                kwargs.setdefault(new, value)
            original(field, **kwargs)

        patches.wrap(fields.Field, "__init__", init)

    return translate


@habit(
    "field-keyword",
    _OLD,
    "an unknown keyword given to a field",
    'write metadata={"<keyword>": <value>}',
)
def _field_keyword(patches: Patches, met: Met) -> None:
    known = set(inspect.signature(fields.Field.__init__).parameters)

    def init(original: Callable[..., None], field: Any, **kwargs: Any) -> None:
        if not known.issuperset(kwargs):
            extra = {key: kwargs.pop(key) for key in set(kwargs) - known}
            met(f"{type(field).__name__}({', '.join(f'{key}=' for key in extra)})")
            kwargs["metadata"] = {**(kwargs.get("metadata") or {}), **extra}
        original(field, **kwargs)

    patches.wrap(fields.Field, "__init__", init)


# Installed after "field-keyword" so that they see the keywords before it does.
habit(
    "field-missing",
    _OLD,
    "a field with missing=",
    "write load_default=",
)(_renamed_field_keyword("missing", "load_default"))

habit(
    "field-default",
    _OLD,
    "a field with default=",
    "write dump_default=",
)(_renamed_field_keyword("default", "dump_default"))


# -- fields -------------------------------------------------------------------------------------


@habit(
    "abstract-field",
    _OLD,
    "a field of the abstract type Number or Mapping",
    "write fields.Float or fields.Dict",
)
def _abstract_field(patches: Patches, met: Met) -> None:
    for field_type, name, default in (
        (fields.Number, "num_type", float),
        (fields.Mapping, "mapping_type", dict),
    ):
        patches.attribute(field_type, "__abstractmethods__", frozenset())
        patches.attribute(field_type, name, default)

        def init(
            original: Callable[..., None],
            field: Any,
            *args: Any,
            _field_type: Any = field_type,
            _name: str = name,
            **kwargs: Any,
        ) -> None:
            if next(c for c in type(field).__mro__ if _name in vars(c)) is _field_type:
                met(type(field).__name__)
            original(field, *args, **kwargs)

        patches.wrap(field_type, "__init__", init)


@habit(
    "field-default-attributes",
    _OLD,
    "the attributes missing and default of a field",
    "write load_default and dump_default",
)
def _field_default_attributes(patches: Patches, met: Met) -> None:
    def renamed(old: str, new: str) -> property:
        def get(field: Any) -> Any:
            met(f"{type(field).__name__}.{old}")
            return getattr(field, new)

        def set_(field: Any, value: Any) -> None:
            met(f"{type(field).__name__}.{old}")
            setattr(field, new, value)

        return property(get, set_)

    patches.attribute(fields.Field, "missing", renamed("missing", "load_default"))
    patches.attribute(fields.Field, "default", renamed("default", "dump_default"))


@habit(
    "field-fail",
    _OLD,
    "self.fail(...) in a field",
    "write raise self.make_error(...)",
)
def _field_fail(patches: Patches, met: Met) -> None:
    def fail(self: Any, key: str, **kwargs: Any) -> None:
        met(type(self).__name__)
        raise self.make_error(key, **kwargs)

    patches.attribute(fields.Field, "fail", fail)


@habit(
    "boolean-dump",
    _OLD,
    "a Boolean field that dumps a value that is no boolean",
    "convert the value before it is dumped",
)
def _boolean_dump(patches: Patches, met: Met) -> None:
    inherited: Any = fields.Boolean._serialize

    def serialize(self: Any, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        if value is not None and not isinstance(value, bool):
            met(repr(value), owner=type(self.root))
            try:
                value = value in self.truthy or (value not in self.falsy and bool(value))
            except TypeError:  # lists and dicts are never in a set
                value = bool(value)
        return inherited(self, value, attr, obj, **kwargs)

    patches.attribute(fields.Boolean, "_serialize", serialize)


@habit(
    "nested-self",
    _OLD,
    'Nested("self")',
    "write Nested(lambda: ThisSchema())",
)
def _nested_self(patches: Patches, met: Met) -> None:
    def init(
        original: Callable[..., None], field: Any, nested: Any, *a: Any, **k: Any
    ) -> None:
        if nested == "self":
            met()
        original(field, nested, *a, **k)

    patched: Any = vars(fields.Nested)["schema"]

    def get_schema(field: Any) -> Any:
        if field.nested == "self":
            field.nested = type(field.root)
        return patched.fget(field)

    patches.wrap(fields.Nested, "__init__", init)
    patches.attribute(fields.Nested, "schema", property(get_schema, doc=patched.__doc__))


@habit(
    "nested-field-set",
    _OLD,
    "Nested(only=) or Nested(exclude=) with a set or another collection without order",
    "write a tuple",
)
def _nested_field_set(patches: Patches, met: Met) -> None:
    def init(
        original: Callable[..., None], field: Any, *args: Any, **kwargs: Any
    ) -> None:
        for key in kwargs.keys() & {"only", "exclude"}:
            names = kwargs[key]
            if marshmallow.utils.is_collection(names) and not (
                marshmallow.utils.is_sequence_but_not_string(names)
            ):
                met(f"{key}={names!r}")
                kwargs[key] = sorted(names)
        original(field, *args, **kwargs)

    patches.wrap(fields.Nested, "__init__", init)


# -- validators ---------------------------------------------------------------------------------


@habit(
    "and-error",
    _OLD,
    "validate.And(..., error=)",
    "give the message to the validators themselves",
)
def _and_error(patches: Patches, met: Met) -> None:
    def init(
        original: Callable[..., None], self: Any, *validators: Any, error: Any = None
    ) -> None:
        if error is not None:
            met(repr(error))
            self.error = error
        original(self, *validators)

    patches.wrap(validate.And, "__init__", init)


class _RefusesFalse(validate.Validator):
    """Runs a validator, and fails when it returns ``False``."""

    def __init__(self, validator: Callable[[Any], Any], error: Any, met: Met) -> None:
        self.validator = validator
        self.message = error
        self.met = met

    def __call__(self, value: Any) -> Any:
        if self.validator(value) is False:
            self.met(getattr(self.validator, "__name__", ""), owner=self.validator)
            raise marshmallow.ValidationError(self.message)
        return value


@habit(
    "validator-false",
    _OLD,
    "a validator that returns False",
    "raise marshmallow.ValidationError in the validator",
)
def _validator_false(patches: Patches, met: Met) -> None:
    def call(original: Callable[..., Any], self: Any, value: Any) -> Any:
        if all(isinstance(each, validate.Validator) for each in self.validators):
            return original(self, value)
        error: Any = getattr(self, "error", None) or "Invalid value."
        strict = [
            (
                each
                if isinstance(each, validate.Validator)
                else _RefusesFalse(each, error, met)
            )
            for each in self.validators
        ]
        return original(validate.And(*strict), value)

    validate_all: Any = vars(fields.Field)["_validate_all"]

    def get_validate_all(field: Any) -> Any:
        combined = validate_all.fget(field)
        combined.error = field.error_messages["validator_failed"]
        return combined

    patches.wrap(validate.And, "__call__", call)
    patches.attribute(fields.Field, "_validate_all", property(get_validate_all))
