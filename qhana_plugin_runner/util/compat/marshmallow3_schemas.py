"""Habits of marshmallow 3 in schemas, their hooks, and the names that are imported."""

import collections
import datetime as dt
import email.utils
import functools
import inspect
import pprint
from collections.abc import Callable
from typing import Any

import marshmallow
import marshmallow.exceptions
import marshmallow.utils
from marshmallow import decorators, fields, schema

from .habits import Met, Patches, habit

_OLD = "marshmallow 3"


# -- hooks of schemas ---------------------------------------------------------------------------


def _hooks_without_new_keywords(
    tags: set[str], keyword: str
) -> Callable[[Patches, Met], None]:
    def translate(patches: Patches, met: Met) -> None:
        def set_hook(
            original: Callable[..., Any], fn: Any, tag: str, **kwargs: Any
        ) -> Any:
            if fn is not None and tag in tags:
                accepted, takes_others = _accepted_keywords(fn)
                if keyword not in accepted:
                    if not takes_others:
                        met(fn.__name__, owner=fn)
                        fn = _with_keywords(fn, accepted)
                    else:
                        fn = _without_keyword(fn, keyword)
            return original(fn, tag, **kwargs)

        patches.wrap(decorators, "set_hook", set_hook)

    return translate


def _accepted_keywords(fn: Any) -> tuple[set[str], bool]:
    """The names of the parameters, and whether any other keyword is accepted."""
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):  # a descriptor: marshmallow finds the method later
        return set(), True
    takes_others = any(each.kind is each.VAR_KEYWORD for each in parameters)
    return {parameter.name for parameter in parameters}, takes_others


def _with_keywords(fn: Callable[..., Any], accepted: set[str]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def hook(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **{key: kwargs[key] for key in kwargs if key in accepted})

    return hook


def _without_keyword(fn: Callable[..., Any], keyword: str) -> Callable[..., Any]:
    @functools.wraps(fn)
    def hook(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop(keyword, None)
        return fn(*args, **kwargs)

    return hook


habit(
    "validates-data-key",
    _OLD,
    "a @validates method without the parameter data_key",
    "add **kwargs to its parameters",
)(_hooks_without_new_keywords({decorators.VALIDATES}, "data_key"))

habit(
    "hook-unknown",
    _OLD,
    "a @pre_load, @post_load or @validates_schema method without the parameter unknown",
    "add **kwargs to its parameters",
)(
    _hooks_without_new_keywords(
        {decorators.PRE_LOAD, decorators.POST_LOAD, decorators.VALIDATES_SCHEMA},
        "unknown",
    )
)


@habit(
    "hook-pass-many",
    _OLD,
    "a schema hook with pass_many=",
    "write pass_collection=",
)
def _hook_pass_many(patches: Patches, met: Met) -> None:
    def decorator(original: Callable[..., Any], fn: Any = None, **kwargs: Any) -> Any:
        if "pass_many" in kwargs:
            met(original.__name__)
            kwargs.setdefault("pass_collection", kwargs.pop("pass_many"))
        return original(fn, **kwargs)

    for name in ("pre_load", "post_load", "pre_dump", "post_dump", "validates_schema"):
        patches.wrap(decorators, name, decorator)
        patches.attribute(marshmallow, name, vars(decorators)[name])


# -- schemas ------------------------------------------------------------------------------------


class _Context:
    """``context`` of a schema or field that has none of its own.

    Has no ``__set__``: a schema class may bring a ``context`` of its own and never meets this.
    """

    def __init__(self, met: Met, find: Callable[[Any], Any]) -> None:
        self.met = met
        self.find = find

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        self.met(f"{owner.__name__}.context")
        return self.find(instance)


@habit(
    "schema-context",
    _OLD,
    "Schema(context=), or the context of a schema or field",
    "use a contextvars.ContextVar or an attribute of your schema class",
)
def _schema_context(patches: Patches, met: Met) -> None:
    def init(
        original: Callable[..., None],
        self: Any,
        *args: Any,
        context: Any = None,
        **kwargs: Any,
    ) -> None:
        if context:
            met(type(self).__name__)
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
    patches.attribute(schema.Schema, "context", _Context(met, of_schema))
    patches.attribute(fields.Field, "context", _Context(met, of_field))
    patches.attribute(
        fields.Nested, "schema", property(get_schema, doc=nested_schema.__doc__)
    )


@habit(
    "meta-ordered",
    _OLD,
    "class Meta: ordered = True in a schema",
    "delete it: fields keep their order (set dict_class for an OrderedDict)",
)
def _meta_ordered(patches: Patches, met: Met) -> None:
    def init(
        original: Callable[..., None], cls: Any, name: str, bases: Any, attrs: Any
    ) -> None:
        if getattr(attrs.get("Meta"), "ordered", False):
            met(name)
            if cls.dict_class is dict:
                cls.dict_class = collections.OrderedDict
        original(cls, name, bases, attrs)

    patches.wrap(schema.SchemaMeta, "__init__", init)


@habit(
    "meta-json-module",
    _OLD,
    "class Meta: json_module in a schema",
    "write render_module",
)
def _meta_json_module(patches: Patches, met: Met) -> None:
    def init(
        original: Callable[..., None], cls: Any, name: str, bases: Any, attrs: Any
    ) -> None:
        meta = attrs.get("Meta")
        if hasattr(meta, "json_module"):
            met(name)
            if not hasattr(meta, "render_module"):
                cls.opts.render_module = meta.json_module
        original(cls, name, bases, attrs)

    patches.wrap(schema.SchemaMeta, "__init__", init)


class _Inferred(fields.Field[Any]):
    """Dumps each value with the field that the schema maps its type to, as it is without one."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        mapping: Any = {} if self.root is None else self.root.TYPE_MAPPING
        field_type = mapping.get(type(value))
        if field_type is None:
            return value
        field: Any = field_type()
        field._bind_to_schema(self.name, self.parent)
        return field._serialize(value, attr, obj, **kwargs)


@habit(
    "meta-additional",
    _OLD,
    "class Meta: additional, or fields that the schema does not declare",
    "declare each field",
)
def _meta_additional(patches: Patches, met: Met) -> None:
    def init(
        original: Callable[..., None], cls: Any, name: str, bases: Any, attrs: Any
    ) -> None:
        additional = getattr(attrs.get("Meta"), "additional", ())
        undeclared = [
            field_name
            for field_name in (*cls.opts.fields, *additional)
            if field_name not in cls._declared_fields
        ]
        if undeclared:
            met(f"{name}: {', '.join(undeclared)}")
            cls._declared_fields.update({each: _Inferred() for each in undeclared})
        original(cls, name, bases, attrs)

    patches.wrap(schema.SchemaMeta, "__init__", init)


# -- names --------------------------------------------------------------------------------------


def _is_instance_or_subclass(value: Any, class_: Any) -> bool:
    return (
        issubclass(value, class_)
        if isinstance(value, type)
        else isinstance(value, class_)
    )


def _get_func_args(func: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(func).parameters)


def _is_keyed_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


@habit(
    "marshmallow-utils",
    _OLD,
    "a helper or constant that marshmallow dropped",
    "import INCLUDE, EXCLUDE, RAISE and missing from marshmallow, the rest from the standard "
    "library",
)
def _marshmallow_utils(patches: Patches, met: Met) -> None:
    resolution_error: Any = vars(marshmallow.exceptions)["_FieldInstanceResolutionError"]
    patches.names(
        marshmallow.utils,
        {
            "INCLUDE": marshmallow.INCLUDE,
            "EXCLUDE": marshmallow.EXCLUDE,
            "RAISE": marshmallow.RAISE,
            "missing": marshmallow.missing,
            "from_iso_datetime": dt.datetime.fromisoformat,
            "from_iso_date": dt.date.fromisoformat,
            "from_iso_time": dt.time.fromisoformat,
            "from_rfc": email.utils.parsedate_to_datetime,
            "isoformat": dt.datetime.isoformat,
            "to_iso_date": dt.date.isoformat,
            "to_iso_time": dt.time.isoformat,
            "rfcformat": email.utils.format_datetime,
            "get_func_args": _get_func_args,
            "is_instance_or_subclass": _is_instance_or_subclass,
            "is_keyed_tuple": _is_keyed_tuple,
            "pprint": pprint.pprint,
            "resolve_field_instance": vars(fields)["_resolve_field_instance"],
            "FieldInstanceResolutionError": resolution_error,
        },
        met,
    )
    patches.names(
        marshmallow.exceptions, {"FieldInstanceResolutionError": resolution_error}, met
    )
    patches.names(marshmallow, {"pprint": pprint.pprint}, met)


@habit(
    "marshmallow-base",
    _OLD,
    "the module marshmallow.base",
    "write marshmallow.fields.Field and marshmallow.Schema",
)
def _marshmallow_base(patches: Patches, met: Met) -> None:
    names = {"FieldABC": fields.Field, "SchemaABC": schema.Schema}
    patches.module("marshmallow.base", names, met)
    patches.names(fields, {"FieldABC": fields.Field}, met)


@habit(
    "marshmallow-warnings",
    _OLD,
    "the module marshmallow.warnings",
    "delete the filter",
)
def _marshmallow_warnings(patches: Patches, met: Met) -> None:
    names = (
        "Marshmallow4Warning",
        "ChangedInMarshmallow4Warning",
        "RemovedInMarshmallow4Warning",
    )
    patches.module("marshmallow.warnings", dict.fromkeys(names, DeprecationWarning), met)
