"""Entities as points: what methods that learn from numbers take."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple

from ..plugin_utils.columns import is_missing, number_of
from ..plugin_utils.entity_marshalling import EntityError, expect_attributes

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

_KEYS = {"ID", "href"}
_INTEGERS = 2**63  # of NumPy
_MOST = 1e150
"""Squares of larger numbers are infinite, and so are distances."""


class Points(NamedTuple):
    """Entities as points; made by :func:`to_points`.

    Attributes:
        ids: the ``ID`` of each entity.
        attributes: the attribute of each column.
        values: an array of NumPy, with a row for each entity.
    """

    ids: list[str]
    attributes: list[str]
    values: "NDArray[float64]"

    def to_entities(self) -> Iterator[dict[str, Any]]:
        """Return the points as entities, as an output of the type ``entity/vector`` takes them."""
        for identifier, row in zip(self.ids, self.values, strict=True):
            numbers = zip(self.attributes, row.tolist(), strict=True)
            yield {"ID": identifier, "href": "", **dict(numbers)}


def to_points(
    entities: Iterable[Mapping[str, Any]],
    attributes: Sequence[str] = (),
    *,
    without: Collection[str] = (),
) -> Points:
    """Read the numbers of entities, in one pass.

    ``to_points(task.track(entities, unit="entities"))`` shows the progress. Texts that are numbers
    count as numbers; booleans, texts such as ``1_000``, and numbers beyond 1e150, whose squares are
    infinite, do not.

    Args:
        entities: the entities.
        attributes: what to read; by default all attributes whose values are numbers.
        without: what is not read, such as a label, which may be a number.

    Raises:
        EntityError: there are no entities or no numbers, an attribute is not known or not to be
            read, or one of its values is missing or no number. The text names the attribute, the
            entity and the cure.
    """
    ids: list[str] = []
    left_out = {*_KEYS, *without}
    for name in attributes:
        if name in without:
            raise EntityError(
                f"{name!r} is the label: leave it out of the attributes to learn from."
            )
    known: dict[str, None] = {}
    columns = {name: array("d") for name in attributes}
    gaps: dict[str, str] = {}
    for row in entities:
        if row.keys() - known.keys():
            for name in row:
                if name not in known and not attributes and name not in left_out:
                    columns[name] = array("d", [nan]) * len(ids)
                    if ids:
                        gaps[name] = ids[0]
                known[name] = None
            _require_known(attributes, known)
        ids.append(_id_of(row, len(ids) + 1))
        words = []
        for name, column in columns.items():
            column.append(number := _number(value := row.get(name)))
            if number != number:
                if attributes:
                    raise _no_number(name, ids[-1], value)
                if is_missing(value):
                    gaps.setdefault(name, ids[-1])
                else:
                    words.append(name)
        for name in words:
            del columns[name]
    return _points(ids, known, columns, gaps)


def to_labels(
    entities: Iterable[Mapping[str, Any]], ids: Iterable[str], attribute: str = "label"
) -> list[Any]:
    """Read the label of each entity: whole numbers, or texts where some are none.

    Args:
        entities: the entities with their labels, in any order; more than these are fine.
        ids: the ``ID`` of each entity whose label is wanted, such as those of its points.
        attribute: what holds the label.

    Raises:
        EntityError: one of them has no label, or several. The text names it, and the cure.
    """
    known: dict[str, Any] = {}
    for row in expect_attributes(entities, [attribute]):
        identifier, label = str(row.get("ID")), row.get(attribute)
        if not is_missing(label) and known.setdefault(identifier, label) != label:
            raise EntityError(
                f"There are two entities {identifier!r}, with different values for "
                f"{attribute!r}: rename one of them."
            )
    labels = []
    for identifier in ids:
        if identifier not in known:
            raise EntityError(
                f"The entity {identifier!r} has no value for {attribute!r}, its label: name the "
                "attribute that holds the labels, or select the entities that have one."
            )
        labels.append(known[identifier])
    if all(type(label) is int and -_INTEGERS <= label < _INTEGERS for label in labels):
        return labels
    return [str(label) for label in labels]


def _points(
    ids: list[str],
    known: Iterable[str],
    columns: dict[str, "array[float]"],
    gaps: Mapping[str, str],
) -> Points:
    """Make points of columns, which are emptied."""
    import numpy  # not before a plugin needs it

    if not ids:
        raise EntityError("There are no entities.")
    for name, first in gaps.items():
        if name in columns:
            if not numpy.isnan(columns[name]).all():
                raise _no_number(name, first, None)
            del columns[name]
    if not columns:
        raise EntityError(
            f"No attribute of the entities has only numbers ({_listed(known)}): encode one of "
            "them as numbers."
        )
    values = numpy.empty((len(ids), len(columns)))
    names = list(columns)
    for number, name in enumerate(names):
        values[:, number] = columns.pop(name)
    return Points(ids, names, values)


def _number(value: Any) -> float:
    """Return a number that can be squared, or NaN."""
    number = number_of(value)
    return nan if number is None or abs(number) >= _MOST else number


def _id_of(row: Mapping[str, Any], number: int) -> str:
    found = row.get("ID")
    if found is None or found == "":
        raise EntityError(f"Entity {number} has no ID: add an attribute 'ID'.")
    return str(found)


def _require_known(attributes: Iterable[str], known: Iterable[str]) -> None:
    for name in attributes:
        if name not in known:
            raise EntityError(
                f"There is no attribute {name!r}; the entities have {_listed(known)}."
            )


def _no_number(name: str, entity: str, value: Any) -> EntityError:
    if is_missing(value):
        return EntityError(
            f"The entity {entity!r} has no value for {name!r}: select the entities that have one, "
            "or leave the attribute out."
        )
    return EntityError(
        f"{name!r} of the entity {entity!r} is {str(value)[:40]!r}, which is no number (below "
        "1e150): encode the attribute, leave it out, or select the entities that have a number."
    )


def _listed(names: Iterable[str]) -> str:
    shown = [repr(name) for name in names if name not in _KEYS]
    more = [f"{len(shown) - 20} more"] if len(shown) > 20 else []
    return ", ".join(shown[:20] + more) or "no attributes"
