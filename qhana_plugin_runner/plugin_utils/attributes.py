"""What the attributes of entities mean: their types, and turning text into values and
back.

A file of attribute metadata describes each attribute by one entity.  From it come
functions that convert whole entities:

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

DEFAULT_SEPARATOR = ";"

CONSIDERED_TRUE = {"1", "true", "t", "yes", "y", "on"}
"""Text that is read as true, in lower case."""

CONSIDERED_FALSE = {"0", "false", "f", "no", "n", "off", "null", "nil", "none"}
"""Text that is read as false, in lower case."""


class AttributeMetadataError(EntityError):
    """An entity does not describe an attribute."""


class AttributeValueError(EntityError):
    """A value does not have the type of its attribute."""


def parse_bool(value: Any) -> bool:
    """Read a boolean from text, in any letter case and with space around it.

    >>> parse_bool(" Yes "), parse_bool("off")
    (True, False)

    Args:
        value: one of :data:`CONSIDERED_TRUE` or :data:`CONSIDERED_FALSE`; a boolean stays
            as it is.

    Raises:
        ValueError: the text means neither true nor false.
    """
    text = str(value).strip().lower()
    if text in CONSIDERED_TRUE:
        return True
    if text in CONSIDERED_FALSE:
        return False
    raise ValueError(f"{value!r} means neither true nor false; write 'true' or 'false'")


def parse_optional_value(value: Any, deserialize: Callable[[Any], Any]) -> Any:
    """Read a value that may be missing.

    >>> parse_optional_value("7", int), parse_optional_value("", int)
    (7, None)

    Args:
        value: the serialized value.
        deserialize: reads a value that is there.

    Returns:
        ``None`` for a missing value (``None``, or text of nothing but space).
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return deserialize(value)


def parse_multi(
    value: Any,
    deserialize: Callable[[Any], Any],
    separator: str = DEFAULT_SEPARATOR,
    collection: Callable[[Iterable[Any]], Any] = list,
) -> Any:
    """Read several values from one text.

    >>> parse_multi("1;2", int), parse_multi("a b", str, separator=" ", collection=tuple)
    ([1, 2], ('a', 'b'))

    Args:
        value: the values with separators between them; an empty text holds none.  Lists
            and sets (as from JSON) are taken value by value.
        deserialize: reads each value.
        separator: stands between the values.
        collection: makes the result, e.g. ``list`` or ``set``.
    """
    if value is None or value == "":
        return collection(())
    if isinstance(value, str):
        items: Iterable[Any] = value.split(separator)
    elif isinstance(value, (list, tuple, set, frozenset)):
        items = value
    else:
        items = (value,)
    return collection(deserialize(item) for item in items)


def default_serialize(value: Any) -> str:
    """Write a value as text; ``None`` becomes the empty text.

    >>> default_serialize(7), default_serialize(None)
    ('7', '')
    """
    return "" if value is None else str(value)


def serialize_multi(
    value: Iterable[Any] | None,
    serialize: Callable[[Any], str],
    separator: str = DEFAULT_SEPARATOR,
) -> str:
    """Write several values as one text, the values of a set in sorted order.

    >>> serialize_multi({"b", "a"}, str)
    'a;b'

    Args:
        value: the values; ``None`` stands for none.
        serialize: writes each of them as text.
        separator: is put between them.

    Raises:
        ValueError: a value contains the separator, so that it would be read as two.
    """
    if value is None:
        return ""
    texts = [serialize(item) for item in value]
    for text in texts:
        if separator in text:
            raise ValueError(
                f"{text!r} contains the separator {separator!r}; use another one"
            )
    if isinstance(value, (set, frozenset)):
        texts.sort()
    return separator.join(texts)


def _pass_through(value: Any) -> Any:
    return value


_optional_integer = partial(parse_optional_value, deserialize=parse_int)
_optional_float = partial(parse_optional_value, deserialize=parse_float)
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
"""Functions that read one value, by attribute type; plugins may add to it.  ``"default"``
is for values of other types, and of attributes without metadata."""

SERIALIZER_MAP: dict[str, Callable[[Any], str]] = dict.fromkeys(
    DESERIALIZER_MAP, default_serialize
)
"""Functions that write one value as text, by attribute type; plugins may add to it.
``"default"`` is as for :data:`DESERIALIZER_MAP`."""


def _parse_flag(value: Any) -> bool:
    return bool(parse_optional_value(value, parse_bool))


@dataclass
class AttributeMetadata:
    """The description of an attribute.

    Attributes:
        ID: the name of the attribute in the entities.
        attribute_type: the type of its values, e.g. ``integer``; see
            :data:`DESERIALIZER_MAP`.
        title: a name for people; without one it is the ID.
        description: an explanation for people.
        multiple: an entity has any number of values.
        ordered: the order of these values means something.
        separator: stands between these values when they are written as text.
        ref_target: where the entities can be found that the values refer to.
        schema: a schema of the values.
        extra: whatever else was said about the attribute.
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
        """Read the entity that describes an attribute.

        >>> AttributeMetadata.from_dict({"ID": "age", "type": "integer"}).attribute_type
        'integer'

        Args:
            metadata: the entity, as in :func:`parse_attribute_metadata`.

        Raises:
            AttributeMetadataError: the ID or the type is missing, or a flag is neither
                true nor false.
        """
        extra = dict(metadata)
        attribute_id = extra.pop("ID", None)
        attribute_type = extra.pop("type", None)
        if not attribute_id or not attribute_type:
            raise AttributeMetadataError(
                f"Attribute metadata needs an 'ID' and a 'type', got {dict(metadata)!r}."
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
                f"The metadata of attribute {attribute_id!r} has a wrong flag: {error}."
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """The entity that describes the attribute."""
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
    """Read the entities that describe attributes.

    >>> parse_attribute_metadata([{"ID": "age", "type": "integer"}])["age"].attribute_type
    'integer'

    Args:
        metadata_entities: dictionaries or named tuples with the keys ``ID``, ``title``,
            ``description``, ``type``, ``multiple``, ``ordered``, ``separator``,
            ``refTarget`` and ``schema``; others are kept in ``extra``.

    Returns:
        the descriptions by the ID of the attribute.

    Raises:
        AttributeMetadataError: an entity does not describe an attribute.
    """
    parsed = (
        AttributeMetadata.from_dict(entity) for entity in ensure_dict(metadata_entities)
    )
    return {metadata.ID: metadata for metadata in parsed}


def _explained(
    convert: Callable[[Any], Any], metadata: AttributeMetadata
) -> Callable[[Any], Any]:
    """Let the errors of ``convert`` name the attribute and the value."""

    def convert_value(value: Any) -> Any:
        try:
            return convert(value)
        except (TypeError, ValueError) as error:
            raise AttributeValueError(
                f"Attribute {metadata.ID!r} ({metadata.attribute_type}) cannot have the"
                f" value {value!r}: {error}."
            ) from error

    return convert_value


def _deserializer(metadata: AttributeMetadata | None) -> Callable[[Any], Any]:
    default = DESERIALIZER_MAP["default"]
    if metadata is None:
        return default
    deserialize = DESERIALIZER_MAP.get(metadata.attribute_type, default)
    if metadata.multiple:
        deserialize = partial(
            parse_multi,
            deserialize=deserialize,
            separator=metadata.separator,
            collection=list if metadata.ordered else set,
        )
    return _explained(deserialize, metadata)


def _serializer(metadata: AttributeMetadata | None) -> Callable[[Any], Any]:
    default = SERIALIZER_MAP["default"]
    if metadata is None:
        return default
    serialize = SERIALIZER_MAP.get(metadata.attribute_type, default)
    if metadata.multiple:
        serialize = partial(
            serialize_multi, serialize=serialize, separator=metadata.separator
        )
    return _explained(serialize, metadata)


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

    def convert_entity(entity: Iterable[Any]) -> Any:
        return make([convert(value) for convert, value in zip(converters, entity)])

    return convert_entity


def dict_deserializer(
    attributes: Iterable[str],
    attribute_metadata: Mapping[str, AttributeMetadata],
    in_place: bool = True,
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Make a function that reads the values of entities that are dictionaries.

    Args:
        attributes: the names of the attributes to read; others, and attributes without
            metadata or of an unknown type, stay as they are.
        attribute_metadata: from :func:`parse_attribute_metadata`.
        in_place: change the dictionary that is given and return it; otherwise a changed
            copy is returned.

    Returns:
        a function of an entity, which raises :class:`AttributeValueError` (a
        ``ValueError``) for a value that does not have the type of its attribute.
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
    """Make a function that writes the values of entities that are dictionaries as text.

    >>> metadata = {"tags": AttributeMetadata("tags", "string", "Tags", multiple=True)}
    >>> dict_serializer(["tags"], metadata)({"ID": "1", "tags": {"b", "a"}})
    {'ID': '1', 'tags': 'a;b'}

    Args:
        attributes: the names of the attributes to write; others stay as they are.
        attribute_metadata: from :func:`parse_attribute_metadata`.
        in_place: change the dictionary that is given and return it; otherwise a changed
            copy is returned.

    Returns:
        a function of an entity, which raises :class:`AttributeValueError` (a
        ``ValueError``) for a value that cannot be written.
    """
    converters = {name: _serializer(attribute_metadata.get(name)) for name in attributes}
    return _for_dicts(converters, in_place)


def tuple_deserializer(
    attributes: Iterable[str],
    attribute_metadata: Mapping[str, AttributeMetadata],
    tuple_: Callable[..., Any] = tuple,
) -> Callable[[Iterable[Any]], Any]:
    """Make a function that reads the values of entities that are tuples.

    >>> metadata = {"age": AttributeMetadata("age", "integer", "Age")}
    >>> tuple_deserializer(["ID", "age"], metadata)(("ada", "36"))
    ('ada', 36)

    Args:
        attributes: the names of all values in their order; those without metadata or of
            an unknown type stay as they are.  Where an entity has fewer or more values, the
            shorter counts.
        attribute_metadata: from :func:`parse_attribute_metadata`.
        tuple_: makes the resulting entity: a class of named tuples, or a function of one
            iterable such as ``tuple`` or ``Entity._make``.

    Returns:
        a function of an entity, which raises :class:`AttributeValueError` (a
        ``ValueError``) for a value that does not have the type of its attribute.
    """
    converters = [_deserializer(attribute_metadata.get(name)) for name in attributes]
    return _for_tuples(converters, tuple_)


def tuple_serializer(
    attributes: Iterable[str],
    attribute_metadata: Mapping[str, AttributeMetadata],
    tuple_: Callable[..., Any] = tuple,
) -> Callable[[Iterable[Any]], Any]:
    """Make a function that writes the values of entities that are tuples as text.

    >>> metadata = {"age": AttributeMetadata("age", "integer", "Age")}
    >>> tuple_serializer(["ID", "age"], metadata)(("ada", 36))
    ('ada', '36')

    Args:
        attributes: the names of all values in their order, as for
            :func:`tuple_deserializer`.
        attribute_metadata: from :func:`parse_attribute_metadata`.
        tuple_: as for :func:`tuple_deserializer`.

    Returns:
        a function of an entity, which raises :class:`AttributeValueError` (a
        ``ValueError``) for a value that cannot be written.
    """
    converters = [_serializer(attribute_metadata.get(name)) for name in attributes]
    return _for_tuples(converters, tuple_)
