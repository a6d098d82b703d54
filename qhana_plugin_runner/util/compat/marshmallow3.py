"""Shims for marshmallow 3."""

import collections
import copy
import functools
import inspect
from collections.abc import Callable
from typing import Any

import marshmallow
import marshmallow.utils
from marshmallow import decorators, fields, schema, validate

from .shims import Patches, Place, Warn, place_on_stack, shim

_LIBRARY = "marshmallow 3"
_RENAMED_KEYWORDS = {"missing": "load_default", "default": "dump_default"}


@shim(
    "field-keyword",
    _LIBRARY,
    "a field with missing=, default= or an unknown keyword",
    'write load_default=, dump_default= or metadata={"<keyword>": <value>}',
)
def _field_keyword(patches: Patches, warn: Warn) -> None:
    current = set(inspect.signature(fields.Field.__init__).parameters)

    def init(original: Callable[..., None], field: Any, **kwargs: Any) -> None:
        if not current.issuperset(kwargs):
            removed = {key: kwargs.pop(key) for key in kwargs.keys() - current}
            warn(f"{type(field).__name__}({', '.join(f'{key}=' for key in removed)})")
            for old in _RENAMED_KEYWORDS.keys() & removed:
                value = removed.pop(old)
                if value is not marshmallow.missing:
                    kwargs.setdefault(_RENAMED_KEYWORDS[old], value)
            kwargs["metadata"] = {**(kwargs.get("metadata") or {}), **removed}
        original(field, **kwargs)

    patches.wrap(fields.Field, "__init__", init)


@shim(
    "abstract-field",
    _LIBRARY,
    "a field of the abstract type Number or Mapping",
    "write fields.Float or fields.Dict",
)
def _abstract_field(patches: Patches, warn: Warn) -> None:
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
                warn(type(field).__name__)
            original(field, *args, **kwargs)

        patches.wrap(field_type, "__init__", init)


@shim(
    "validator-false",
    _LIBRARY,
    "a validator that returns False",
    "raise marshmallow.ValidationError in the validator",
)
def _validator_false(patches: Patches, warn: Warn) -> None:
    def may_return_false(validator: Any) -> bool:
        if isinstance(validator, validate.And):
            return any(map(may_return_false, validator.validators))
        return not isinstance(validator, validate.Validator)

    def strict(validator: Any, field: Any, place: Place) -> Any:
        if not may_return_false(validator):
            return validator
        if isinstance(validator, validate.And):
            changed = copy.copy(validator)  # other fields may have it, too
            parts = (strict(each, field, place) for each in validator.validators)
            changed.validators = tuple(parts)
            return changed

        @functools.wraps(validator)
        def run(value: Any) -> None:
            if validator(value) is False:
                warn(getattr(validator, "__name__", ""), place)
                raise field.make_error("validator_failed")

        return run

    def init(original: Callable[..., None], field: Any, **kwargs: Any) -> None:
        original(field, **kwargs)
        if any(map(may_return_false, field.validators)):
            place = place_on_stack()
            field.validators = [strict(each, field, place) for each in field.validators]

    patches.wrap(fields.Field, "__init__", init)


@shim(
    "hook-keywords",
    _LIBRARY,
    "a schema hook without the parameter unknown, or a @validates method without data_key",
    "add **kwargs to its parameters",
)
def _hook_keywords(patches: Patches, warn: Warn) -> None:
    added = {
        decorators.PRE_LOAD: "unknown",
        decorators.POST_LOAD: "unknown",
        decorators.VALIDATES_SCHEMA: "unknown",
        decorators.VALIDATES: "data_key",
    }

    def set_hook(original: Callable[..., Any], fn: Any, tag: str, **kwargs: Any) -> Any:
        if fn is not None and tag in added:
            is_wrapped = isinstance(fn, (classmethod, staticmethod))
            hook = fn.__func__ if is_wrapped else fn
            try:
                parameters = inspect.signature(hook).parameters
            except (TypeError, ValueError):  # marshmallow decides
                return original(fn, tag, **kwargs)
            if added[tag] not in parameters:
                if not any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
                    warn(getattr(hook, "__name__", ""))
                    hook = _with_keywords(hook, parameters.keys().__contains__)
                else:
                    hook = _with_keywords(hook, added[tag].__ne__)
                if is_wrapped:
                    attributes = vars(fn)  # such as the hooks that it is already
                    fn = type(fn)(hook)
                    vars(fn).update(attributes)
                else:
                    fn = hook
        return original(fn, tag, **kwargs)

    patches.wrap(decorators, "set_hook", set_hook)


def _with_keywords(
    fn: Callable[..., Any], is_wanted: Callable[[str], bool]
) -> Callable[..., Any]:
    """Return a function that hands on the wanted keywords only."""

    @functools.wraps(fn)
    def hook(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **{key: kwargs[key] for key in kwargs if is_wanted(key)})

    return hook


class _Context:
    """``context`` of a schema or field that does not have its own.

    Has no ``__set__``: an instance may bring a ``context`` of its own and never reaches this.
    """

    def __init__(self, warn: Warn, find: Callable[[Any], Any]) -> None:
        self.warn = warn
        self.find = find

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        self.warn(f"{owner.__name__}.context")
        return self.find(instance)


@shim(
    "schema-context",
    _LIBRARY,
    "Schema(context=), or the context of a schema or field",
    "use a contextvars.ContextVar or an attribute of the schema class",
)
def _schema_context(patches: Patches, warn: Warn) -> None:
    def init(
        original: Callable[..., None],
        self: Any,
        *args: Any,
        context: Any = None,
        **kwargs: Any,
    ) -> None:
        if context:
            warn(type(self).__name__)
            vars(self)["context"] = context
        original(self, *args, **kwargs)

    def of_schema(instance: Any) -> Any:
        return vars(instance).setdefault("context", {})

    def of_field(field: Any) -> Any:
        return None if field.parent is None else field.parent.context

    nested_schema: Any = vars(fields.Nested)["schema"]

    def get_schema(field: Any) -> Any:
        is_new = field._schema is None
        nested = nested_schema.fget(field)
        outer = vars(field.root).get("context") if is_new and field.root else None
        if outer:
            vars(nested)["context"] = {**vars(nested).get("context", {}), **outer}
        return nested

    patches.wrap(schema.Schema, "__init__", init)
    patches.attribute(schema.Schema, "context", _Context(warn, of_schema))
    patches.attribute(fields.Field, "context", _Context(warn, of_field))
    patches.attribute(
        fields.Nested, "schema", property(get_schema, doc=nested_schema.__doc__)
    )


@shim(
    "meta-ordered",
    _LIBRARY,
    "class Meta: ordered = True in a schema",
    "delete it: fields keep their order (set dict_class for an OrderedDict)",
)
def _meta_ordered(patches: Patches, warn: Warn) -> None:
    def init(
        original: Callable[..., None], cls: Any, name: str, bases: Any, attrs: Any
    ) -> None:
        if getattr(attrs.get("Meta"), "ordered", False):
            warn(name)
            if cls.dict_class is dict:
                cls.dict_class = collections.OrderedDict
        original(cls, name, bases, attrs)

    patches.wrap(schema.SchemaMeta, "__init__", init)


@shim(
    "marshmallow-utils",
    _LIBRARY,
    "INCLUDE, EXCLUDE, RAISE or missing imported from marshmallow.utils",
    "import it from marshmallow",
)
def _marshmallow_utils(patches: Patches, warn: Warn) -> None:
    names = ("INCLUDE", "EXCLUDE", "RAISE", "missing")
    offered = {name: getattr(marshmallow, name) for name in names}
    patches.names(marshmallow.utils, offered, warn)
