"""JSON Schema (2020-12) of what a form sends, and of all that the OpenAPI 3.1 document describes.

apispec converts the fields of marshmallow; here is what it does not know: the words of forms
(labels, data, plugins, private values), and which of its results are no JSON Schema.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from decimal import Decimal
from typing import Any

import marshmallow as ma
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask_babel import LazyString
from flask_smorest.fields import Upload
from marshmallow.validate import Range, Regexp

from ..util import strict_json
from .checks import get_input_type, simple_pattern
from .choices import find_choices, flat_validators
from .fields import CSVList, EnumField
from .kinds import kind_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"

OPENAPI_VERSION = "3.1.0"
"""The first version whose schemas are JSON Schema, of the dialect above."""

MOST_SCHEMAS = 5_000
"""How many schemas one document may hold: those that nest ever new ones would never end."""

MOST_REPEATS = 4
"""Repetitions in a pattern: a text can make a validator try all ways to divide it among them."""

_COMPONENTS = "#/components/schemas/"

_NOT_IN_OPENAPI_3_0 = ("contentMediaType", "dataInput", "examples", "pluginDependency")


def json_schema(*schemas: ma.Schema) -> dict[str, Any]:
    """Return the JSON Schema of what a form with the fields of some schemas sends.

    It describes values as JSON has them: a form sends numbers as text, lists as repeated keys, and
    leaves out what is ``null``. Defaults of private fields are not part of it.

    Args:
        schemas: of marshmallow; where files are sent, too, one for each location.

    Raises:
        Exception: a schema cannot be described; schemas are foreign code.

    >>> class SizeSchema(ma.Schema):
    ...     size = ma.fields.Integer(required=True, metadata={"label": "Size"})
    >>> json_schema(SizeSchema())["properties"]
    {'size': {'type': 'integer', 'title': 'Size'}}
    """
    plugin = SchemaPlugin(UniqueNames().name)
    spec = APISpec("", "", OPENAPI_VERSION, [plugin])
    converter: Any = plugin.converter
    found = converter.schema2jsonschema(merged(schemas))
    properties = {
        key: each
        for key, each in found.pop("properties").items()
        if not each.get("readOnly")
    }
    described = {"$schema": DIALECT, **found, "properties": properties}
    if spec.components.schemas:
        described["$defs"] = spec.components.schemas
    result: dict[str, Any] = as_json(_with_own_references(described), "schema", [])
    return result


def _with_own_references(part: Any) -> Any:
    """Let references to the components of a document lead to the definitions of the schema."""
    if isinstance(part, Mapping):
        return {
            key: (
                each.replace(_COMPONENTS, "#/$defs/", 1)
                if key == "$ref" and isinstance(each, str)
                else _with_own_references(each)
            )
            for key, each in part.items()
        }
    if isinstance(part, (list, tuple)):
        return [_with_own_references(each) for each in part]
    return part


def merged(schemas: Sequence[ma.Schema | type[ma.Schema]]) -> ma.Schema:
    """Return one schema with the fields of several, as one body holds a form and its files."""
    instances = [each() if isinstance(each, type) else each for each in schemas]
    if len(instances) == 1:
        return instances[0]
    fields = {
        name: field for schema in instances for name, field in schema.fields.items()
    }
    name = type(instances[0]).__name__
    schema = ma.Schema.from_dict(fields, name=name)(
        partial=all(each.partial is True for each in instances),
        unknown=(
            ma.RAISE
            if all(each.unknown == ma.RAISE for each in instances)
            else ma.EXCLUDE
        ),
    )
    return schema


def is_private(field: ma.fields.Field[Any]) -> bool:
    """Tell whether nobody may see values of a field."""
    metadata = field.metadata
    return bool(
        metadata.get("private")
        or metadata.get("writeOnly")
        or field.load_only
        or get_input_type(field) == "password"
    )


class UniqueNames(dict[str, int]):
    """Names schemas in one document, uniquely: plugins often use the same names.

    Maps each name to how often it was wanted.
    """

    def name(self, schema: Any) -> str:
        """Return a name for a schema."""
        plain = name = resolver(schema)
        while name in self:
            self[plain] += 1
            name = f"{plain}{self[plain]}"
        self[name] = 1
        return name


class _Converter(OpenAPIConverter):
    """apispec's converter with the words of forms."""

    field_mapping = {
        **OpenAPIConverter.field_mapping,
        ma.fields.Url: ("string", "uri"),
        ma.fields.IP: ("string", None),  # "ip" is no format
        ma.fields.NaiveDateTime: ("string", None),  # "date-time" has a time zone
        EnumField: ("string", None),
        CSVList: ("string", None),
    }

    def resolve_nested_schema(self, schema: Any) -> Any:
        if len(self.refs) > MOST_SCHEMAS:
            raise ValueError(f"there are more than {MOST_SCHEMAS} nested schemas")
        return super().resolve_nested_schema(schema)  # type: ignore[no-untyped-call]

    def field2property(self, field: ma.fields.Field[Any]) -> dict[str, Any]:
        flat = copy(field)
        flat.validators = list(flat_validators(field.validators))
        found = super().field2property(flat)
        for add in _WORDS:
            add(field, found)
        unknown = () if self._is_json_schema else _NOT_IN_OPENAPI_3_0
        return {
            key: each
            for key, each in found.items()
            if key not in unknown and _is_valid(key, each)
        }

    @property
    def _is_json_schema(self) -> bool:
        """Whether the schemas of the document are JSON Schema, which those of 3.0 are not."""
        return (self.openapi_version.major, self.openapi_version.minor) >= (3, 1)

    def field2default(self, field: ma.fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
        found = _if_written(super().field2default, field, **kwargs)
        # Forms leave out what is null; viewers would write the word into an input.
        return {} if found.get("default") is None else found

    def field2pattern(
        self, field: ma.fields.Field[Any], **_kwargs: Any
    ) -> dict[str, Any]:
        expressions = [each for each in field.validators if isinstance(each, Regexp)]
        # A property has one pattern; one of several checks would mislead.
        pattern = simple_pattern(expressions[0].regex) if len(expressions) == 1 else None
        return {} if pattern is None else {"pattern": f"^{pattern}$"}

    def field2range(self, field: ma.fields.Field[Any], ret: Any) -> dict[str, Any]:
        found = _if_written(super().field2range, field, ret)
        if not self._is_json_schema:
            return found  # an exclusive limit is a flag there
        for end in ("min", "max"):
            bound = found.get(f"{end}imum")
            for each in field.validators if bound is not None else ():
                is_exclusive = isinstance(each, Range) and not getattr(
                    each, f"{end}_inclusive"
                )
                if is_exclusive and bound == field._serialize(
                    getattr(each, end), "", None
                ):
                    found.pop(f"{end}imum", None)
                    found[f"exclusive{end.title()}imum"] = bound
        return found

    def metadata2properties(
        self, field: ma.fields.Field[Any], **kwargs: Any
    ) -> dict[str, Any]:
        found = super().metadata2properties(field, **kwargs)
        texts = {key: str(v) for key, v in found.items() if isinstance(v, LazyString)}
        return {
            key: each for key, each in {**found, **texts}.items() if _is_valid(key, each)
        }


class SchemaPlugin(MarshmallowPlugin):
    """apispec's plugin with our converter: the only one, for all documents."""

    Converter = _Converter


def _if_written(
    convert: Callable[..., dict[str, Any]], *args: Any, **kwargs: Any
) -> dict[str, Any]:
    """Leave out a default or a limit that its own field cannot write."""
    try:
        return convert(*args, **kwargs)
    except Exception:  # fields are foreign code
        return {}


def _add_title(field: ma.fields.Field[Any], found: dict[str, Any]) -> None:
    if label := field.metadata.get("label"):
        found.setdefault("title", str(label))
    if isinstance(found.get("description"), str) and not found["description"]:
        del found["description"]


def _add_choices(field: ma.fields.Field[Any], found: dict[str, Any]) -> None:
    """Put what a list may contain where its items are; offer what a form suggests."""
    if isinstance(field, ma.fields.List):
        if enum := found.pop("enum", None):
            choices = [each for each in enum if each is not None]
            found["items"] = {**found["items"], "enum": choices}
        return
    if isinstance(field, CSVList):  # validators see a list, clients send a text
        for key in ("enum", "minLength", "maxLength", "pattern"):
            found.pop(key, None)
    enum = found.get("enum")
    if isinstance(field, EnumField) and enum:
        enum = found["enum"] = [*enum, *([""] if field.has_blank else [])]
    if enum:
        if field.allow_none and None not in enum:
            found["enum"] = [*enum, None]
    elif found.get("type") in ("string", ["string", "null"]):
        options = field.metadata.get("options") or field.metadata.get("datalist")
        if options and not callable(options):  # what a function tells is for its form
            listed = {"options": options}
            texts = [each.value for each in find_choices(field, listed)]
            found.setdefault("examples", texts)


def _add_url(field: Any, found: dict[str, Any]) -> None:
    """Tell what a URL leads to, in the words of a plugin's metadata."""
    if isinstance(field, ma.fields.Url) and field.relative:
        found["format"] = "uri-reference"
    metadata, picks = field.metadata, kind_of(field).picks
    plugin = {
        "tags": _words(metadata.get("plugin_tags")),
        "name": metadata.get("plugin_name"),
        "version": metadata.get("plugin_version"),
    }
    types = metadata.get("data_input_type"), metadata.get("data_content_types")
    if isinstance(field, ma.fields.List):
        return  # its items have said it
    if isinstance(field, Upload):
        contents = _words(types[1])
        found["type"] = "string"  # never null: a form leaves out a file
        found["format"] = getattr(field, "format", "binary")
        found["contentMediaType"] = (
            contents[0] if len(contents) == 1 else "application/octet-stream"
        )
    elif picks == "plugin" or any(plugin.values()):
        found["pluginDependency"] = {key: each for key, each in plugin.items() if each}
    elif picks == "data" or any(types):
        found["dataInput"] = {
            "dataType": str(types[0] or "*"),
            "contentType": _words(types[1]),
        }


def _hide(field: ma.fields.Field[Any], found: dict[str, Any]) -> None:
    if is_private(field):
        found["writeOnly"] = True
        for key in ("default", "example", "examples", "enum"):
            found.pop(key, None)


_WORDS = (_add_title, _add_choices, _add_url, _hide)


def _words(items: Any) -> list[str]:
    return (
        items.split() if isinstance(items, str) else [str(each) for each in items or ()]
    )


_TYPES = frozenset("array boolean integer null number object string".split())


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, (list, tuple)) else [value]
    return bool(names) and all(isinstance(each, str) and each in _TYPES for each in names)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _is_pattern(value: Any) -> bool:
    """Whether a pattern means the same everywhere and costs no validator much time."""
    try:
        is_simple = simple_pattern(re.compile(value)) is not None
    except (TypeError, ValueError, OverflowError, RecursionError, re.error):
        return False
    repeats = re.findall(r"(?<!\\)(?:[*+?]|\{\d+,\d*\})", value)
    longest = max(map(int, re.findall(r"\d+(?=[,}])", value)), default=0)
    return is_simple and len(repeats) <= MOST_REPEATS and longest < 1_000


def _is_choice(value: Any) -> bool:
    """Whether JSON can hold at least one of the choices."""
    return isinstance(value, (list, tuple)) and bool(as_json(value, "", []))


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types)


_is_number = _is(int, float, Decimal)


_VALID: Mapping[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "pattern": _is_pattern,
    "enum": _is_choice,
    **dict.fromkeys(("title", "description", "format"), _is(str)),
    **dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number
    ),
    "multipleOf": lambda value: _is_number(value) and value > 0,
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _is_size),
    **dict.fromkeys(("minProperties", "maxProperties"), _is_size),
    **dict.fromkeys(("readOnly", "writeOnly", "deprecated", "uniqueItems"), _is(bool)),
    **dict.fromkeys(("examples", "required", "allOf", "anyOf", "oneOf"), _is(list)),
    **dict.fromkeys(("items", "additionalProperties", "not"), _is(bool, Mapping)),
    "properties": _is(Mapping),
}
"""Whether the value of a keyword is of JSON Schema; metadata holds whatever plugins write."""


def _is_valid(key: str, value: Any) -> bool:
    return key not in _VALID or _VALID[key](value)


_LEFT_OUT: Any = object()


def as_json(value: Any, place: str, left_out: list[str]) -> Any:
    """Return a part of a document as JSON can hold it.

    Args:
        value: of mappings and lists, single members that cannot be held are left out.
        place: where it is, for people.
        left_out: gets the places of what is left out.
    """
    if isinstance(value, Mapping):
        members = {
            key: as_json(each, f"{place}.{key}", left_out)
            for key, each in value.items()
            if isinstance(key, (str, int))
        }
        return {key: each for key, each in members.items() if each is not _LEFT_OUT}
    if isinstance(value, (list, tuple)):
        items = [as_json(each, f"{place}[]", left_out) for each in value]
        return [each for each in items if each is not _LEFT_OUT]
    if isinstance(value, Decimal) and value.is_finite():  # else it would be a text
        value = int(value) if value == value.to_integral_value() else float(value)
    try:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(value)
        strict_json.dumps(value)
    except Exception:  # what the value is, and how it is shown, is foreign code, too
        left_out.append(place)
        return _LEFT_OUT
    return value
