"""Attribute metadata, and the conversion of entities between text and typed values.

A file of attribute metadata describes each attribute by one entity. Functions that convert whole
entities are made from it:

>>> metadata = parse_attribute_metadata(
...     [
...         {"ID": "age", "type": "integer", "title": "Age in years"},
...         {"ID": "tags", "type": "string", "multiple": "yes", "ordered": "yes"},
...     ]
... )
>>> deserialize = dict_deserializer(["age", "tags"], metadata)
>>> deserialize({"ID": "ada", "age": "36", "tags": "maths;poetry"})
{'ID': 'ada', 'age': 36, 'tags': ['maths', 'poetry']}
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Iterable, Mapping, Self, Sequence

from qhana_plugin_runner.plugin_utils._attribute_values import (
    CONSIDERED_FALSE,
    CONSIDERED_TRUE,
    DEFAULT_SEPARATOR,
    default_serialize,
    parse_bool,
    parse_multi,
    parse_optional_value,
    serialize_multi,
)
from qhana_plugin_runner.plugin_utils._entities import ensure_dict, row_maker
from qhana_plugin_runner.plugin_utils._entity_errors import EntityError
from qhana_plugin_runner.plugin_utils._numerals import parse_float, parse_int

__all__ = [
    "CONSIDERED_FALSE",
    "CONSIDERED_TRUE",
    "DESERIALIZER_MAP",
    "SERIALIZER_MAP",
    "AttributeMetadata",
    "AttributeMetadataError",
    "AttributeValueError",
    "default_serialize",
    "dict_deserializer",
    "dict_serializer",
    "parse_attribute_metadata",
    "parse_bool",
    "parse_float",
    "parse_int",
    "parse_multi",
    "parse_optional_value",
    "serialize_multi",
    "tuple_deserializer",
    "tuple_serializer",
]


class AttributeMetadataError(EntityError):
    """An entity is not attribute metadata."""


class AttributeValueError(EntityError):
    """A value does not have the type of its attribute."""


def _pass_through(value: Any) -> Any:
    return value


def _optional_number(
    kind: type[int] | type[float], parse: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is str and value.isascii() and "_" not in value:
            try:
                return kind(value)
            except ValueError:
                pass  # it is missing, or wrong
        return parse_optional_value(value, parse)

    return read


_optional_integer = _optional_number(int, parse_int)
_optional_float = _optional_number(float, parse_float)
_optional_bool = partial(parse_optional_value, deserialize=parse_bool)

DESERIALIZER_MAP: dict[str, Callable[[Any], Any]] = {
    "default": _pass_through,
    "string": _pass_through,
    "str": _pass_through,
    "integer": _optional_integer,
    "int": _optional_integer,
    "float": _optional_float,
    "double": _optional_float,
    "number": _optional_float,
    "boolean": _optional_bool,
    "bool": _optional_bool,
}
"""Functions that parse one value, by attribute type; plugins may add to it. ``"default"`` is for
other types and for attributes without metadata."""

SERIALIZER_MAP: dict[str, Callable[[Any], str]] = dict.fromkeys(
    DESERIALIZER_MAP, default_serialize
)
"""Functions that serialize one value, by attribute type; plugins may add to it. ``"default"`` is
as in :data:`DESERIALIZER_MAP`."""


def _parse_flag(value: Any) -> bool:
    return bool(parse_optional_value(value, parse_bool))


@dataclass
class AttributeMetadata:
    """The description of an attribute.

    Attributes:
        ID: the name of the attribute in the entities.
        attribute_type: the type of its values, e.g. ``integer``; see
            :data:`DESERIALIZER_MAP`.
        title: a display name, by default the ID.
        description: an explanation for users.
        multiple: whether an entity has any number of values.
        ordered: whether the order of these values matters.
        separator: separates these values in text.
        ref_target: the location of the entities that the values refer to.
        schema: a schema of the values.
        extra: other keys of the metadata.
    """

    ID: str
    attribute_type: str
    title: str
    description: str = ""
    multiple: bool = False
    ordered: bool = False
    separator: str = DEFAULT_SEPARATOR
    ref_target: str | None = None
    schema: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, metadata: Mapping[str, Any]) -> Self:
        """Parse the entity that describes an attribute.

        >>> AttributeMetadata.from_dict({"ID": "age", "type": "integer"}).attribute_type
        'integer'

        Args:
            metadata: an entity as in :func:`parse_attribute_metadata`.

        Raises:
            AttributeMetadataError: the ID or the type is missing, or a flag is invalid.
        """
        extra = dict(metadata)
        attribute_id = extra.pop("ID", None)
        attribute_type = extra.pop("type", None)
        if not attribute_id or not attribute_type:
            raise AttributeMetadataError(
                f"Attribute metadata needs an 'ID' and a 'type', got {dict(metadata)!r:.200}."
            )
        try:
            return cls(
                ID=attribute_id,
                attribute_type=attribute_type,
                title=extra.pop("title", None) or attribute_id,
                description=extra.pop("description", None) or "",
                multiple=_parse_flag(extra.pop("multiple", None)),
                ordered=_parse_flag(extra.pop("ordered", None)),
                separator=extra.pop("separator", None) or DEFAULT_SEPARATOR,
                ref_target=extra.pop("refTarget", None) or None,
                schema=extra.pop("schema", None) or None,
                extra=extra,
            )
        except ValueError as error:
            raise AttributeMetadataError(
                f"The metadata of attribute {attribute_id!r:.99} has an invalid flag: {error}."
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """Return the entity that describes the attribute."""
        return {
            **self.extra,
            "ID": self.ID,
            "title": self.title,
            "description": self.description,
            "type": self.attribute_type,
            "multiple": self.multiple,
            "ordered": self.ordered,
            "separator": self.separator,
            "refTarget": self.ref_target,
            "schema": self.schema,
        }


def parse_attribute_metadata(
    metadata_entities: Iterable[Any],
) -> dict[str, AttributeMetadata]:
    """Parse the entities that describe attributes.

    >>> parse_attribute_metadata([{"ID": "age", "type": "integer"}])["age"].attribute_type
    'integer'

    Args:
        metadata_entities: dictionaries or named tuples with the keys ``ID``, ``title``,
            ``description``, ``type``, ``multiple``, ``ordered``, ``separator``,
            ``refTarget`` and ``schema``; others are kept in ``extra``.

    Returns:
        The metadata by the ID of the attribute.

    Raises:
        AttributeMetadataError: an entity is not attribute metadata.
    """
    parsed = (
        AttributeMetadata.from_dict(entity) for entity in ensure_dict(metadata_entities)
    )
    return {metadata.ID: metadata for metadata in parsed}


def _with_context(
    convert: Callable[[Any], Any], metadata: AttributeMetadata
) -> Callable[[Any], Any]:
    """Make the errors of ``convert`` name the attribute and the value."""

    def convert_value(value: Any) -> Any:
        try:
            return convert(value)
        except (TypeError, ValueError) as error:
            raise AttributeValueError(
                f"Attribute {metadata.ID!r} ({metadata.attribute_type}) cannot have the"
                f" value {value!r:.99}: {error}."
            ) from error

    return convert_value


def _deserializer(metadata: AttributeMetadata | None) -> Callable[[Any], Any]:
    default = DESERIALIZER_MAP["default"]
    if metadata is None:
        return default
    deserialize = DESERIALIZER_MAP.get(metadata.attribute_type, default)
    if deserialize is _pass_through and not metadata.multiple:
        return deserialize
    if metadata.multiple:
        deserialize = partial(
            parse_multi,
            deserialize=deserialize,
            separator=metadata.separator,
            collection=list if metadata.ordered else set,
        )
    return _with_context(deserialize, metadata)


def _serializer(metadata: AttributeMetadata | None) -> Callable[[Any], Any]:
    default = SERIALIZER_MAP["default"]
    if metadata is None:
        return default
    serialize = SERIALIZER_MAP.get(metadata.attribute_type, default)
    if metadata.multiple:
        serialize = partial(
            serialize_multi, serialize=serialize, separator=metadata.separator
        )
    return _with_context(serialize, metadata)


def _for_dicts(
    converters: Mapping[str, Callable[[Any], Any]], in_place: bool
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def convert_entity(entity: dict[str, Any]) -> dict[str, Any]:
        result = entity if in_place else dict(entity)
        for name, convert in converters.items():
            if name in result:
                result[name] = convert(result[name])
        return result

    return convert_entity


def _for_tuples(
    converters: Sequence[Callable[[Any], Any]], tuple_: Callable[..., Any]
) -> Callable[[Iterable[Any]], Any]:
    make = row_maker(tuple_)
    count = len(converters)
    changing = [
        (position, convert)
        for position, convert in enumerate(converters)
        if convert is not _pass_through
    ]

    def convert_entity(entity: Iterable[Any]) -> Any:
        values = list(entity)
        if len(values) < count:
            return make([convert(value) for convert, value in zip(converters, values)])
        del values[count:]
        for position, convert in changing:
            values[position] = convert(values[position])
        return make(values)

    return convert_entity


def dict_deserializer(
    attributes: Iterable[str],
    attribute_metadata: Mapping[str, AttributeMetadata],
    in_place: bool = True,
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that parses the values of dictionary entities.

    Args:
        attributes: the names of the attributes to parse; others, and attributes without
            metadata or of an unknown type, are unchanged.
        attribute_metadata: from :func:`parse_attribute_metadata`.
        in_place: change and return the given dictionary instead of a copy.

    Returns:
        A function of an entity, which raises :class:`AttributeValueError` (a ``ValueError``) for a
        value that does not have the type of its attribute.
    """
    converters = {
        name: _deserializer(attribute_metadata.get(name)) for name in attributes
    }
    return _for_dicts(converters, in_place)


def dict_serializer(
    attributes: Iterable[str],
    attribute_metadata: Mapping[str, AttributeMetadata],
    in_place: bool = True,
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that serializes the values of dictionary entities.

    >>> metadata = {"tags": AttributeMetadata("tags", "string", "Tags", multiple=True)}
    >>> dict_serializer(["tags"], metadata)({"ID": "1", "tags": {"b", "a"}})
    {'ID': '1', 'tags': 'a;b'}

    Args:
        attributes: the names of the attributes to serialize; others are unchanged.
        attribute_metadata: from :func:`parse_attribute_metadata`.
        in_place: change and return the given dictionary instead of a copy.

    Returns:
        A function of an entity, which raises :class:`AttributeValueError` (a ``ValueError``) for a
        value that cannot be serialized.
    """
    converters = {name: _serializer(attribute_metadata.get(name)) for name in attributes}
    return _for_dicts(converters, in_place)


def tuple_deserializer(
    attributes: Iterable[str],
    attribute_metadata: Mapping[str, AttributeMetadata],
    tuple_: Callable[..., Any] = tuple,
) -> Callable[[Iterable[Any]], Any]:
    """Return a function that parses the values of tuple entities.

    >>> metadata = {"age": AttributeMetadata("age", "integer", "Age")}
    >>> tuple_deserializer(["ID", "age"], metadata)(("ada", "36"))
    ('ada', 36)

    Args:
        attributes: the names of all values in order; values without metadata or of an unknown
            type are unchanged. Surplus values or names are ignored.
        attribute_metadata: from :func:`parse_attribute_metadata`.
        tuple_: creates the resulting entity: a named tuple class, or a function of one iterable
            such as ``tuple`` or ``Entity._make``.

    Returns:
        A function of an entity, which raises :class:`AttributeValueError` (a ``ValueError``) for a
        value that does not have the type of its attribute.
    """
    converters = [_deserializer(attribute_metadata.get(name)) for name in attributes]
    return _for_tuples(converters, tuple_)


def tuple_serializer(
    attributes: Iterable[str],
    attribute_metadata: Mapping[str, AttributeMetadata],
    tuple_: Callable[..., Any] = tuple,
) -> Callable[[Iterable[Any]], Any]:
    """Return a function that serializes the values of tuple entities.

    >>> metadata = {"age": AttributeMetadata("age", "integer", "Age")}
    >>> tuple_serializer(["ID", "age"], metadata)(("ada", 36))
    ('ada', '36')

    Args:
        attributes: the names of all values in order, as in :func:`tuple_deserializer`.
        attribute_metadata: from :func:`parse_attribute_metadata`.
        tuple_: as in :func:`tuple_deserializer`.

    Returns:
        A function of an entity, which raises :class:`AttributeValueError` (a ``ValueError``) for a
        value that cannot be serialized.
    """
    converters = [_serializer(attribute_metadata.get(name)) for name in attributes]
    return _for_tuples(converters, tuple_)
