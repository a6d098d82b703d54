"""Joins two files of entities."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Annotated, Any, Literal, NamedTuple

from qhana_plugin_runner.authoring import Entities, Field, Output, Task, plugin
from qhana_plugin_runner.plugin_utils.entity_marshalling import expect_attributes

Row = dict[str, Any]
Key = tuple[str | None, ...]


@plugin(
    version="v1.0.0",
    tags=["shaping"],
    outputs={"joined": Output("entity/list", "text/csv")},
)
def entity_join(
    task: Task,
    left: Annotated[Entities, Field(data_type="entity/*", label="First file")],
    right: Annotated[Entities, Field(data_type="entity/*", label="Second file")],
    left_attributes: Annotated[
        Sequence[str],
        Field(min_length=1, label="Attributes of the first file", attributes_of="left"),
    ] = ("ID",),
    right_attributes: Annotated[
        Sequence[str], Field(label="Attributes of the second file", attributes_of="right")
    ] = (),
    keep: Literal["matches", "first file", "both files"] = "matches",
    suffix: Annotated[str, Field(min_length=1)] = "_right",
):
    """Joins the attributes of two files for entities that have the same values.

    Comparing the attribute `kind`,

    | ID | kind |
    | --- | --- |
    | 1 | a |
    | 2 | b |
    | 3 | a |

    and

    | ID | kind | color |
    | --- | --- | --- |
    | x | a | red |

    become

    | ID | kind | ID_right | color |
    | --- | --- | --- | --- |
    | 1 | a | x | red |
    | 3 | a | x | red |

    As in SQL, an entity that matches several others appears several times, and a missing value
    matches nothing. Only the file with fewer entities is kept in memory; the result has the order
    of the other one.

    Args:
        left: The entities that come first in the result.
        right: The entities whose attributes are added.
        left_attributes: The attributes to compare: each with the one at the same position below.
        right_attributes: The attributes to compare them with; by default, those of the same names.
        keep: `matches`: only entities with a match (inner join). `first file`: also the others of
            the first file (left join). `both files`: also the others of both (full outer join).
        suffix: Appended to names of the second file that are also in the first one; `href` appears
            only once if the `ID` is compared.
    """
    right_attributes = right_attributes or left_attributes
    if len(left_attributes) != len(right_attributes):
        raise ValueError(
            f"{len(left_attributes)} attributes of the first file cannot be compared with "
            f"{len(right_attributes)} of the second: name as many of both."
        )
    # What has the same ID is the same entity, which has one `href`.
    is_same = ("ID", "ID") in zip(left_attributes, right_attributes)
    names = Names(right_attributes, suffix, {"href"} if is_same else set())
    sides = [
        Side(left, left_attributes, names.left_part, keep != "matches"),
        Side(right, right_attributes, names.right_part, keep == "both files"),
    ]
    is_left_smaller = names.learn(task.track(left, unit="entities"), right)
    small, large = sides if is_left_smaller else reversed(sides)

    def joined() -> Iterator[Row]:
        count = 0
        for key, *parts in _matched(task, small, large):
            count += 1
            first, second = parts if is_left_smaller else reversed(parts)
            if first is None:
                first = dict.fromkeys(names.left) | dict(zip(left_attributes, key))
            row = first | (second or dict.fromkeys(names.right.values()))
            if is_same and first.get("href"):
                row["href"] = first["href"]
            yield row
        task.log(f"The result has {count} rows.")

    return joined()


class Side(NamedTuple):
    """One of the two files.

    Attributes:
        entities: its entities.
        attributes: those that are compared.
        part: makes its part of the result from an entity.
        keeps_others: whether entities without a match are in the result.
    """

    entities: Iterable[Row]
    attributes: Sequence[str]
    part: Callable[[Row], Row]
    keeps_others: bool

    def parts(self, task: Task) -> Iterator[tuple[Key, Row]]:
        """Yield for each entity the values that are compared, and its part of the result."""
        rows = expect_attributes(self.entities, self.attributes)
        for row in task.track(rows, unit="entities"):
            yield (
                tuple([text_of(row.get(name)) for name in self.attributes]),
                self.part(row),
            )


def _matched(
    task: Task, small: Side, large: Side
) -> Iterator[tuple[Key, Row | None, Row | None]]:
    """Yield keys with what has them: a part of the small file, one of the large file, or both."""
    kept: dict[Key, list[Row]] = {}
    for key, part in small.parts(task):
        kept.setdefault(key, []).append(part)
    matched: set[Key] = set()
    for key, part in large.parts(task):
        if key in kept and None not in key:
            matched.add(key)
            for other in kept[key]:
                yield key, other, part
        elif large.keeps_others:
            yield key, None, part
    if small.keeps_others:
        for key, others in kept.items():
            if key not in matched:
                yield from ((key, other, None) for other in others)


class Names:
    """The names of attributes in the result.

    Attributes:
        left: the names of the first file.
        right: those of the second one that are not compared, and what becomes of them.
    """

    def __init__(self, compared: Sequence[str], suffix: str, shared: set[str]) -> None:
        self.left: dict[str, None] = {}
        self.right: dict[str, str] = {}
        self._compared, self._suffix, self._shared = set(compared), suffix, shared

    def learn(self, left: Iterable[Row], right: Iterable[Row]) -> bool:
        """Read both files until one ends; return whether it is the first one that is smaller."""
        others: dict[str, None] = {}
        is_left_smaller = False
        for first, second in zip_longest(left, right):
            if first is None or second is None:
                is_left_smaller = first is None
                break
            self.left.update(dict.fromkeys(first))
            others.update(dict.fromkeys(second))
        self.right_part(others)
        return is_left_smaller

    def left_part(self, row: Row) -> Row:
        if not row.keys() <= self.left.keys():
            taken = set(self.right.values()) - self._shared
            self.left.update({name: self._free(name, taken) for name in row})
        return row

    def right_part(self, row: Row) -> Row:
        if not row.keys() <= self.right.keys() | self._compared:
            for name in row:
                if name in self._shared:
                    self.right[name] = name
                elif name not in self.right and name not in self._compared:
                    new = name + self._suffix if name in self.left else name
                    self._free(new, (*self.left, *self.right.values()))
                    self.right[name] = new
        return {self.right[name]: row[name] for name in row if name in self.right}

    @staticmethod
    def _free(name: str, taken: Iterable[str]) -> None:
        if name in taken:
            raise ValueError(
                f"The result would have two attributes {name!r:.99}: choose another suffix, or "
                "leave one of them out with entity-select before."
            )


def text_of(value: Any) -> str | None:
    """Return a value as a CSV file has it; ``None`` for a missing one."""
    return None if value is None or value == "" or value != value else str(value)
