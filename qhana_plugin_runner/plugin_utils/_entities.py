"""Entities in memory: dictionaries, named tuples, arrays, and the ways between them."""

from collections import namedtuple
from numbers import Real
from typing import Any, Callable, ClassVar, Iterable, Iterator, NamedTuple, Self, Sequence

from qhana_plugin_runner.plugin_utils._entity_errors import EntityError

_ID_ATTRIBUTES = ("ID", "GRAPH_ID")
_LINK_ATTRIBUTES = ("href", "source", "target", "entities", "relations")


class EntityTupleMixin:
    """What tuples have that were made for the attributes of entities.

    The classes come from :func:`get_entity_tuple_class`.

    Attributes:
        entity_attributes: the names of the attributes in the order of the values, exactly
            as in the file.  The fields of the tuple may be named differently.
    """

    __slots__ = ()

    entity_attributes: ClassVar[tuple[str, ...]] = ()
    _index: ClassVar[dict[str, int]] = {}

    @classmethod
    def from_iter(cls, iterable: Iterable[Any]) -> Self:
        """Make an entity from values in the order of the attributes.

        Args:
            iterable: one value per attribute.

        Raises:
            EntityError: there are more or fewer values than attributes.
        """
        values = tuple(iterable)
        if len(values) != len(cls.entity_attributes):
            raise EntityError(
                f"An entity with the attributes {', '.join(cls.entity_attributes)} takes "
                f"{len(cls.entity_attributes)} values, got {len(values)}."
            )
        return cls(*values)

    @classmethod
    def from_dict(cls, /, **kwargs: Any) -> Self:
        """Make an entity from values by attribute name; a missing value is ``None``.

        Args:
            **kwargs: the values by the names that the attributes have in the file.

        Raises:
            EntityError: there is a value for an attribute that the class does not have.
        """
        unknown = kwargs.keys() - cls._index.keys()
        if unknown:
            raise EntityError(
                f"Unknown attributes {', '.join(sorted(unknown))}: entities of this kind"
                f" have {', '.join(cls.entity_attributes)}."
            )
        return cls(*(kwargs.get(name) for name in cls.entity_attributes))

    def get(self, key: str, default: Any = None) -> Any:
        """The value of an attribute.

        Args:
            key: the name of the attribute in the file. Of several columns with the same name
                the first one counts.
            default: what to return when there is no such attribute.
        """
        position = self._index.get(key)
        return default if position is None else self[position]  # type: ignore[index]

    def as_dict(self) -> dict[str, Any]:
        """The values by the names that the attributes have in the file.

        Raises:
            EntityError: two columns have the same name and different values, of which one
                would be lost.
        """
        values = tuple(self)  # type: ignore[arg-type, var-annotated]
        if len(self._index) != len(values):
            for name, value in zip(self.entity_attributes, values):
                if value != values[self._index[name]]:
                    raise EntityError(
                        f"The column {name!r} occurs twice with different values"
                        f" ({values[self._index[name]]!r} and {value!r}); give the"
                        " columns different names."
                    )
        return dict(zip(self.entity_attributes, values))


def get_entity_tuple_class(attributes: Sequence[str], name: str = "Entity") -> Any:
    """Make a class of named tuples for entities with the given attributes.

    Attributes whose names cannot be used in Python (or are taken by a method, or occur a
    second time) get the field name ``_`` and their position.

    >>> Entity = get_entity_tuple_class(["ID", "birth date"])
    >>> ada = Entity("ada", "1815-12-10")
    >>> ada
    Entity(ID='ada', _1='1815-12-10')
    >>> ada.get("birth date"), ada.as_dict()
    ('1815-12-10', {'ID': 'ada', 'birth date': '1815-12-10'})

    Args:
        attributes: the names of the attributes in the order of the values.
        name: name of the class.

    Returns:
        a class that is both a :class:`typing.NamedTuple` and an
        :class:`EntityTupleMixin`.
    """
    # namedtuple renames what it cannot use, but would let a field hide a method
    fields = ["_" if hasattr(EntityTupleMixin, a) else a for a in attributes]
    index: dict[str, int] = {}
    for position, attribute in enumerate(attributes):
        index.setdefault(attribute, position)
    base = namedtuple(name, fields, rename=True)  # type: ignore[misc]
    namespace = {
        "__slots__": (),
        "__doc__": f"An entity with the attributes {', '.join(attributes)}.",
        "entity_attributes": tuple(attributes),
        "_index": index,
    }
    return type(name, (EntityTupleMixin, base), namespace)


class ArrayEntity(NamedTuple):
    """An entity as a point in space.

    Attributes:
        ID: identifies the entity.
        href: where the entity can be found; empty when it is not known.
        values: one number per dimension.
    """

    ID: str
    href: str
    values: list[Any]


def row_maker(tuple_: Callable[..., Any]) -> Callable[[Iterable[Any]], Any]:
    """The function that makes an entity from one iterable of values.

    Args:
        tuple_: a class of named tuples, or already such a function (``tuple``, ``list``,
            ``SomeTuple.from_iter``).
    """
    make: Callable[[Iterable[Any]], Any] = getattr(tuple_, "_make", tuple_)
    return make


def ensure_dict(items: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Turn entities into dictionaries; those that are dictionaries stay as they are.

    >>> Entity = get_entity_tuple_class(["ID", "name"])
    >>> list(ensure_dict([Entity("1", "Ada"), {"ID": "2"}]))
    [{'ID': '1', 'name': 'Ada'}, {'ID': '2'}]

    Args:
        items: dictionaries or named tuples.

    Raises:
        EntityError: an item has no names for its values.
    """
    for item in items:
        if isinstance(item, dict):
            yield item
        elif isinstance(item, EntityTupleMixin):
            yield item.as_dict()
        elif isinstance(item, tuple) and hasattr(item, "_asdict"):
            yield item._asdict()
        else:
            raise EntityError(
                f"A {type(item).__name__} is no entity: it must be a dictionary or a"
                " named tuple."
            )


def ensure_tuple(items: Iterable[Any], tuple_: Callable[..., Any]) -> Iterator[Any]:
    """Turn entities into tuples; those that are tuples stay as they are.

    >>> Entity = get_entity_tuple_class(["ID", "name"])
    >>> list(ensure_tuple([{"name": "Ada", "ID": "1"}], Entity))
    [Entity(ID='1', name='Ada')]

    Args:
        items: dictionaries or tuples.
        tuple_: a class from :func:`get_entity_tuple_class`, or anything to call with the
            attributes of a dictionary as keywords.

    Raises:
        EntityError: a dictionary has an attribute that the class does not have.
    """
    from_dict = getattr(tuple_, "from_dict", tuple_)
    for item in items:
        yield from_dict(**item) if isinstance(item, dict) else item


def _to_number(value: Any, strict: bool, entity_id: Any) -> Any:
    if isinstance(value, Real):
        return value
    try:
        if isinstance(value, str) and value.isdecimal():
            return int(value)
        return float(value)
    except (TypeError, ValueError) as error:
        if strict:
            raise EntityError(
                f"Entity {entity_id!r} has the value {value!r}, which is no number."
            ) from error
        return None


def ensure_array(items: Iterable[Any], strict: bool = False) -> Iterator[ArrayEntity]:
    """Turn entities into arrays of numbers.

    Of a dictionary the attributes apart from ``ID`` and ``href`` become values, in the
    order of their sorted names.  Of a tuple the first value is the ID, the second one the
    ``href`` when it has an attribute of that name, and the rest the values.

    >>> list(ensure_array([{"ID": "a", "href": "", "y": "-5", "x": "12", "z": "?"}]))
    [ArrayEntity(ID='a', href='', values=[12, -5.0, None])]

    Args:
        items: dictionaries or tuples.  Text of digits only becomes an ``int``, other
            numerals become a ``float``.
        strict: refuse what is no number (it becomes ``None`` otherwise), and dictionaries
            with other attributes than the first one, whose values would get into wrong
            dimensions.

    Raises:
        EntityError: an entity has no ID, or is refused by ``strict``; this is a
            ``ValueError``.
    """
    first_names: list[str] | None = None
    for item in items:
        if isinstance(item, ArrayEntity):
            entity_id, href, values = item
        elif isinstance(item, dict):
            if "ID" not in item:
                raise EntityError(
                    f"An entity with the attributes {', '.join(map(str, item))} has no"
                    " 'ID'."
                )
            entity_id, href = item["ID"], item.get("href", "")
            names = sorted(name for name in item if name not in ("ID", "href"))
            if first_names is None:
                first_names = names
            if strict and names != first_names:
                odd = ", ".join(sorted(set(names) ^ set(first_names)))
                raise EntityError(
                    f"Entity {entity_id!r} and the first entity differ in the attributes "
                    f"{odd}; all must have the same dimensions."
                )
            values = [item[name] for name in names]
        elif isinstance(item, tuple) and item:
            attributes = getattr(item, "entity_attributes", getattr(item, "_fields", ()))
            entity_id, *values = item
            href = values.pop(0) if "href" in attributes and values else ""
        else:
            raise EntityError(
                f"A {type(item).__name__} is no entity: it must be a dictionary or a"
                " tuple that starts with an ID."
            )
        numbers = [_to_number(value, strict, entity_id) for value in values]
        yield ArrayEntity(entity_id, href, numbers)


def array_to_entity(
    items: Iterable[ArrayEntity],
    prefix: str = "dim",
    suffix: str = "",
    tuple_: Callable[..., Any] | None = None,
) -> Iterator[Any]:
    """Turn arrays of numbers into entities with one attribute per dimension.

    The attributes are numbered from zero, padded to the number of digits of the dimension
    count, so that their sorted order is that of the dimensions.

    >>> list(array_to_entity([ArrayEntity("a", "", [1, 2])], prefix="x"))
    [{'ID': 'a', 'href': '', 'x0': 1, 'x1': 2}]

    Args:
        items: the arrays.
        prefix: stands before the number in the name of an attribute.
        suffix: stands behind it.
        tuple_: a class of named tuples, or a function of ID, href and values as
            positional arguments, to make tuples instead of dictionaries.
    """
    names: list[str] = []
    for entity_id, href, values in items:
        if tuple_ is not None:
            yield tuple_(entity_id, href, *values)
            continue
        if len(names) != len(values):
            digits = len(str(len(values)))
            names = [f"{prefix}{n:0{digits}}{suffix}" for n in range(len(values))]
        yield {"ID": entity_id, "href": href, **dict(zip(names, values))}


def entity_attribute_sort_key(attribute_name: str) -> tuple[int, str]:
    """Sort the names of attributes: IDs first, then links, then the rest by name.

    >>> sorted(["size", "href", "age", "target", "ID"], key=entity_attribute_sort_key)
    ['ID', 'href', 'target', 'age', 'size']

    Args:
        attribute_name: one name; this function is a key for :func:`sorted`.
    """
    if attribute_name in _ID_ATTRIBUTES:
        return 0, str(_ID_ATTRIBUTES.index(attribute_name))
    if attribute_name in _LINK_ATTRIBUTES:
        return 1, str(_LINK_ATTRIBUTES.index(attribute_name))
    return 2, attribute_name
