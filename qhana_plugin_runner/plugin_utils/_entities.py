"""Entities in memory: dictionaries, named tuples, arrays, and the ways between them."""

from collections import namedtuple
from difflib import get_close_matches
from itertools import islice
from numbers import Real
from threading import Lock
from typing import Any, Callable, ClassVar, Iterable, Iterator, NamedTuple, Self, Sequence
from unicodedata import normalize
from weakref import WeakValueDictionary

import msgspec

from qhana_plugin_runner.plugin_utils._entity_errors import EntityError
from qhana_plugin_runner.plugin_utils._numerals import parse_float, parse_int

_ID_ATTRIBUTES = ("ID", "GRAPH_ID")
_LINK_ATTRIBUTES = ("href", "source", "target", "entities", "relations")


class EntityTupleMixin:
    """What tuples have that were made for the attributes of entities.

    The classes come from :func:`get_entity_tuple_class`; a class of named tuples can also
    inherit from this one, and has to set ``entity_attributes``.

    Attributes:
        entity_attributes: the names of the attributes in the order of the values, exactly
            as in the file.  The fields of the tuple may be named differently.
    """

    __slots__ = ()

    entity_attributes: ClassVar[tuple[str, ...]] = ()
    _index: ClassVar[dict[str, int]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        index: dict[str, int] = {}
        for position, attribute in enumerate(cls.entity_attributes):
            index.setdefault(attribute, position)
        cls._index = index

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
            **kwargs: the values by the names that the attributes have in the file; those of
                other attributes are dropped.
        """
        return cls(*(kwargs.get(name) for name in cls.entity_attributes))

    def get(self, key: str | int, default: Any = None) -> Any:
        """The value of an attribute.

        Args:
            key: the name of the attribute in the file, or the position of the value. Of
                several columns with the same name the first one counts.
            default: what to return when there is no such attribute.
        """
        position = self._index.get(key) if isinstance(key, str) else key
        try:
            return default if position is None else self[position]  # type: ignore[index]
        except IndexError:
            return default

    def as_dict(self) -> dict[str, Any]:
        """The values by the names that the attributes have in the file.

        Of several columns with the same name the last one counts.
        """
        return dict(zip(self.entity_attributes, self))  # type: ignore[call-overload]


_CLASSES: WeakValueDictionary[tuple[str, tuple[str, ...]], Any] = WeakValueDictionary()
_MAKING_A_CLASS = Lock()


def get_entity_tuple_class(attributes: Sequence[str], name: str = "Entity") -> Any:
    """Make a class of named tuples for entities with the given attributes.

    Attributes whose names cannot be used in Python (or are taken by a method, or occur a
    second time, as Python reads them) get the field name ``_`` and their position.  The
    same attributes and name give the same class.

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
    key = (name, tuple(attributes))
    with _MAKING_A_CLASS:
        found = _CLASSES.get(key)
        if found is None:
            found = _CLASSES[key] = _make_class(*key)
    return found


def _make_class(name: str, attributes: tuple[str, ...]) -> Any:
    # source text is normalized when it is compiled: so must be what it calls by name
    names = [normalize("NFKC", attribute) for attribute in attributes]
    # namedtuple renames what it cannot use, but would let a field hide a method
    fields = ["_" if hasattr(EntityTupleMixin, field) else field for field in names]
    base = namedtuple(name, fields, rename=True)  # type: ignore[misc]
    text = f"An entity with the attributes {', '.join(attributes)}."
    namespace = {
        "__doc__": text.encode("utf-8", "backslashreplace").decode(),
        "entity_attributes": attributes,
    }
    return type(name, (EntityTupleMixin, base), namespace)


class ArrayEntity(NamedTuple):
    """An entity as a point in space.

    Attributes:
        ID: identifies the entity.
        href: where the entity can be found; ``None`` when it is not known.
        values: one number per dimension.
    """

    ID: str
    href: str | None
    values: tuple[Any, ...]


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
        items: dictionaries, named tuples, or anything else with a method ``_asdict``.

    Raises:
        EntityError: an item has no names for its values.
    """
    # Most files hold entities of one class, which is looked at once.
    kind: type[Any] | None = None
    names: tuple[str, ...] = ()
    for item in items:
        if type(item) is kind:
            yield dict(zip(names, item))
        elif isinstance(item, dict):
            yield item
        elif isinstance(item, EntityTupleMixin):
            if type(item).as_dict is EntityTupleMixin.as_dict:
                kind, names = type(item), item.entity_attributes
            yield item.as_dict()
        elif hasattr(item, "_asdict"):
            yield item._asdict()
        else:
            raise EntityError(
                "An entity must be a dictionary or a named tuple, not"
                f" {type(item).__name__!r}."
            )


def expect_attributes(items: Iterable[Any], names: Iterable[str]) -> Iterator[Any]:
    """Pass dictionaries on, and fail in the end when an attribute was in none of them.

    A single dictionary may lack an attribute; one that all of them lack is a slip.

    >>> list(expect_attributes([{"ID": "1", "size": 3}, {"ID": "2"}], ["size"]))
    [{'ID': '1', 'size': 3}, {'ID': '2'}]

    Args:
        items: dictionaries.
        names: the attributes that are expected.

    Raises:
        EntityError: no item has one of them; names it and those that there are.
    """
    missing, known = dict.fromkeys(names), dict[str, None]()
    for item in items:
        if missing:
            known.update(dict.fromkeys(item))
            missing = {name: None for name in missing if name not in item}
        yield item
    if missing and known:
        name = next(iter(missing))
        close = get_close_matches(name, map(str, known), 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise EntityError(
            f"No entity has the attribute {name!r:.99}.{hint} There are: "
            f"{', '.join(map(str, islice(known, 50)))}."
        )


def ensure_tuple(items: Iterable[Any], tuple_: Callable[..., Any]) -> Iterator[Any]:
    """Turn entities into tuples; those that are tuples stay as they are.

    >>> Entity = get_entity_tuple_class(["ID", "name"])
    >>> list(ensure_tuple([{"name": "Ada", "ID": "1"}], Entity))
    [Entity(ID='1', name='Ada')]

    Args:
        items: dictionaries or tuples.
        tuple_: a class from :func:`get_entity_tuple_class`, which drops attributes that it
            does not have, or anything to call with the attributes of a dictionary as
            keywords.
    """
    from_dict = getattr(tuple_, "from_dict", tuple_)
    for item in items:
        yield from_dict(**item) if isinstance(item, dict) else item


_parse_numbers = msgspec.json.Decoder(list[int | float]).decode


def _to_numbers(values: Sequence[Any], strict: bool, entity_id: Any) -> tuple[Any, ...]:
    try:
        numbers = _plain_numbers(values)
    except (TypeError, msgspec.MsgspecError, UnicodeEncodeError):
        numbers = None
    if numbers is None:
        numbers = [_to_number(value, strict, entity_id) for value in values]
    return tuple(numbers)


def _plain_numbers(values: Sequence[str]) -> list[int | float] | None:
    """Read all numerals of a row at once, when JSON has them too.

    Raises:
        TypeError: a value is not a text
        msgspec.MsgspecError: a value is not a number in JSON
        UnicodeEncodeError: a value is not even text
    """
    text = ",".join(values)
    if text.split() != [text]:
        return None  # JSON would drop the spaces
    numbers: list[int | float] = _parse_numbers(f"[{text}]")
    if len(numbers) != len(values):
        return None  # a value holds a comma
    if "-" in text:
        # of whole numbers, only those of digits alone are integers
        pairs = zip(numbers, values)
        return [float(v) if type(n) is int and v[0] == "-" else n for n, v in pairs]
    return numbers


def _to_number(value: Any, strict: bool, entity_id: Any) -> Any:
    try:
        if isinstance(value, str):
            return parse_int(value) if value.isdecimal() else parse_float(value)
        return value if isinstance(value, Real) else parse_float(value)
    except (TypeError, ValueError) as error:
        if strict:
            raise EntityError(
                f"Entity {entity_id!r} has the value {value!r:.99}, which is not a number."
            ) from error
        return None


def ensure_array(items: Iterable[Any], strict: bool = False) -> Iterator[ArrayEntity]:
    """Turn entities into arrays of numbers.

    Of a dictionary the attributes apart from ``ID`` and ``href`` become values, in the
    order of their sorted names.  Of a tuple the first value is the ID, the second one the
    ``href`` when it has an attribute of that name, and the rest the values.

    >>> list(ensure_array([{"ID": "a", "href": "/a", "y": "-5", "x": "12", "z": "?"}]))
    [ArrayEntity(ID='a', href='/a', values=(12, -5.0, None))]

    Args:
        items: dictionaries or tuples.  Text of digits only becomes an ``int``, other
            numerals become a ``float``.
        strict: refuse what is not a number (it becomes ``None`` otherwise).

    Raises:
        EntityError: an entity has no ID, or a value that is refused by ``strict``; this is
            a ``ValueError``.
    """
    for item in items:
        if isinstance(item, ArrayEntity):
            entity_id, href, values = item
        elif isinstance(item, dict):
            if "ID" not in item:
                raise EntityError(
                    f"An entity with the attributes {', '.join(map(str, item))} has no"
                    " 'ID'."
                )
            entity_id, href = item["ID"], item.get("href")
            names = sorted(name for name in item if name not in ("ID", "href"))
            values = tuple(item[name] for name in names)
        elif isinstance(item, tuple) and item:
            attributes = getattr(item, "entity_attributes", getattr(item, "_fields", ()))
            has_href = "href" in attributes and len(item) > 1
            entity_id, href = item[0], item[1] if has_href else None
            values = item[1 + has_href :]
        else:
            raise EntityError(
                "An entity must be a dictionary or a tuple that starts with an ID, not"
                f" {type(item).__name__!r}."
            )
        yield ArrayEntity(entity_id, href, _to_numbers(values, strict, entity_id))


def array_to_entity(
    items: Iterable[ArrayEntity],
    prefix: str = "dim",
    suffix: str = "",
    tuple_: Callable[..., Any] | None = None,
) -> Iterator[Any]:
    """Turn arrays of numbers into entities with one attribute per dimension.

    The attributes are numbered from zero, padded to the number of digits of the dimension
    count, so that their sorted order is that of the dimensions.

    >>> list(array_to_entity([ArrayEntity("a", "/a", (1, 2))], prefix="x"))
    [Entity(ID='a', href='/a', x0=1, x1=2)]

    Args:
        items: the arrays.
        prefix: stands before the number in the name of an attribute.
        suffix: stands behind it.
        tuple_: a class of named tuples, or a function of one iterable of ID, href and
            values, that makes the entities; by default a class with the names of the
            attributes, see :func:`get_entity_tuple_class`.
    """
    make = None if tuple_ is None else row_maker(tuple_)
    entity_class: Any = None
    for entity_id, href, values in items:
        row = (entity_id, href, *values)
        if make is not None:
            yield make(row)
            continue
        if entity_class is None or len(entity_class._fields) != len(row):
            digits = len(str(len(values)))
            names = [f"{prefix}{n:0{digits}}{suffix}" for n in range(len(values))]
            entity_class = get_entity_tuple_class(["ID", "href", *names])
        yield entity_class._make(row)


def entity_attribute_sort_key(attribute_name: str) -> tuple[int, str]:
    """Sort the names of attributes: IDs first, then links, then the rest, each by name.

    >>> sorted(["size", "href", "age", "entities", "ID"], key=entity_attribute_sort_key)
    ['ID', 'entities', 'href', 'age', 'size']

    Args:
        attribute_name: one name; this function is a key for :func:`sorted`.
    """
    if attribute_name in _ID_ATTRIBUTES:
        return 0, attribute_name
    return (1 if attribute_name in _LINK_ATTRIBUTES else 2), attribute_name
