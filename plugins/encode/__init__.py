"""Turns the words of attributes into numbers."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

from qhana_plugin_runner.authoring import Entities, Field, Output, Task, plugin
from qhana_plugin_runner.plugin_utils.attributes import parse_float
from qhana_plugin_runner.plugin_utils.entity_marshalling import expect_attributes

Row = dict[str, Any]


@plugin(
    version="v1.0.0",
    tags=["shaping", "preprocessing"],
    outputs={
        "encoded": Output("entity/list", "text/csv"),
        "attributes": "entity/attribute-metadata",
    },
)
def encode(
    task: Task,
    entities: Annotated[Entities, Field(data_type="entity/*")],
    attributes: Annotated[Sequence[str], Field(attributes_of="entities")] = (),
    method: Literal["one-hot", "ordinal"] = "one-hot",
    order: Sequence[str] = (),
    most_values: Annotated[int, Field(ge=2, le=10_000)] = 100,
    codes: (
        Annotated[Entities, Field(data_type="entity/attribute-metadata")] | None
    ) = None,
):
    """Encodes the words of attributes as numbers, which learning methods need.

    One-hot encoding creates an attribute for each value:

    | ID | size |
    | --- | --- |
    | 1 | small |
    | 2 | large |
    | 3 | |

    becomes

    | ID | size_large | size_small |
    | --- | --- | --- |
    | 1 | 0 | 1 |
    | 2 | 1 | 0 |
    | 3 | 0 | 0 |

    Ordinal encoding replaces `size` with the position of the value in an order: 1, 0, and a missing
    value, which stays missing. The second output maps numbers to values.

    Args:
        entities: The entities to encode.
        attributes: The attributes to encode.
        method: `one-hot`: for values without an order. `ordinal`: for values that have one.
        order: The values in their order, for both methods; values that you don't list follow, in
            numeric or alphabetical order.
        most_values: The task fails if an attribute has more values, because it may be a name.
        codes: Encode like an earlier task, using its output `attributes`, so that test data is
            encoded like the training data. Values that the earlier task didn't have count as
            missing. All other fields except the entities are ignored.
    """
    total = None
    if codes is not None:
        encoders = _earlier(codes)
    elif not attributes:
        raise ValueError(
            "Name the attributes to encode, or choose codes of an earlier task."
        )
    else:
        values, total = _find_values(task, entities, attributes, most_values)
        encoders = [
            Encoder(name, _ordered(found, order), method)
            for name, found in values.items()
        ]
    task.log(
        f"New attributes: {', '.join(name for each in encoders for name in each.names)}."
    )
    return {
        "encoded": _encoded(
            task, task.track(entities, total=total, unit="entities"), encoders
        ),
        "attributes": [row for each in encoders for row in each.metadata()],
    }


class Encoder:
    """The numbers for the values of an attribute.

    Attributes:
        names: the new attributes.
        numbers: their numbers for each value; for ``None``, those for a missing value.
    """

    def __init__(self, attribute: str, values: Sequence[str], method: str) -> None:
        self.attribute, self.values, self.method = attribute, values, method
        self.numbers: dict[str | None, dict[str, int | None]]
        if method == "ordinal":
            self.names = [attribute]
            self.numbers = {value: {attribute: n} for n, value in enumerate(values)}
            self.numbers[None] = {attribute: None}
        else:
            self.names = [f"{attribute}_{value}" for value in values]
            zeros: dict[str, int | None] = dict.fromkeys(self.names, 0)
            self.numbers = {
                value: {**zeros, name: 1} for name, value in zip(self.names, values)
            }
            self.numbers[None] = zeros

    def metadata(self) -> Iterator[Row]:
        """Describe the new attributes; ``values`` and ``value`` are for :func:`_earlier`."""
        row = {"type": "integer", "attribute": self.attribute}
        if self.method == "ordinal":
            meaning = ", ".join(f"{n}: {value}" for n, value in enumerate(self.values))
            title = self.attribute
            yield {
                "ID": title,
                "title": title,
                "description": meaning,
                **row,
                "values": self.values,
            }
            return
        for name, value in zip(self.names, self.values):
            title = f"{self.attribute} is {value}"
            yield {"ID": name, "title": title, "description": "", **row, "value": value}


def _earlier(codes: Iterable[Row]) -> list[Encoder]:
    """Make the encoders of an earlier task from the attributes that it has described."""
    encoders, values = [], dict[str, list[str]]()
    for row in codes:
        if isinstance(row.get("values"), list):
            encoders.append(Encoder(row["attribute"], row["values"], "ordinal"))
        elif row.get("value"):
            values.setdefault(row["attribute"], []).append(row["value"])
    encoders += [Encoder(name, found, "one-hot") for name, found in values.items()]
    if not encoders:
        raise ValueError(
            "The file of codes is not the output `attributes` of this plugin."
        )
    return encoders


def _find_values(
    task: Task, entities: Iterable[Row], attributes: Sequence[str], most: int
) -> tuple[dict[str, set[str]], int]:
    values: dict[str, set[str]] = {name: set() for name in attributes}
    total = 0
    for row in task.track(expect_attributes(entities, attributes), unit="entities"):
        total += 1
        for name, found in values.items():
            text = text_of(row.get(name))
            if text is not None and text not in found:
                found.add(text)
                if len(found) > most:
                    raise ValueError(
                        f"{name!r:.99} has more than {most} values, such as {text!r:.99} of entity "
                        f"{row.get('ID')!r:.99}: leave it out, or allow more values."
                    )
    return values, total


def _ordered(values: set[str], order: Sequence[str]) -> list[str]:
    try:
        rest = sorted(values.difference(order), key=parse_float)
    except ValueError:
        rest = sorted(values.difference(order))
    return [*(each for each in order if each in values), *rest]


def _encoded(
    task: Task, entities: Iterable[Row], encoders: Sequence[Encoder]
) -> Iterator[Row]:
    unknown: dict[str, list[Any]] = {}
    by_attribute = {each.attribute: each.numbers for each in encoders}
    new = {each.attribute: len(each.names) - 1 for each in encoders}
    for row in expect_attributes(entities, by_attribute):
        encoded: Row = {}
        more = 0
        for name, value in row.items():
            numbers = by_attribute.get(name)
            if numbers is None:
                encoded[name] = value
                continue
            text = text_of(value)
            if text not in numbers:
                unknown.setdefault(name, [0, text, row.get("ID")])[0] += 1
                text = None
            encoded.update(numbers[text])
            more += new[name]
        if len(encoded) != len(row) + more:
            raise ValueError(
                "Two attributes would have the same name: rename one of "
                f"{', '.join(name for name in row if name in encoded and name not in new)}."
            )
        yield encoded
    for name, (count, text, entity) in unknown.items():
        task.log(
            f"{count} values of {name} are not among the codes and count as missing, such as "
            f"{text!r:.99} of entity {entity!r:.99}."
        )


def text_of(value: Any) -> str | None:
    """Return a value as a CSV file has it; ``None`` for a missing one."""
    return None if value is None or value == "" or value != value else str(value)
