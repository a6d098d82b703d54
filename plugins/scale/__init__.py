"""Brings numeric attributes to one scale."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, Literal

from qhana_plugin_runner.authoring import Entities, Field, Output, Task, plugin
from qhana_plugin_runner.plugin_utils.columns import is_missing, number_of
from qhana_plugin_runner.plugin_utils.entity_marshalling import expect_attributes

Row = dict[str, Any]
Scales = dict[str, tuple[float, float]]
"""What to subtract from the values of an attribute, and what to divide them by then."""

KEYS = {"ID", "href"}
ROWS_AT_ONCE = 1000


class Statistics:
    """Count, extremes, mean and deviation of numbers, which are not kept.

    The means and deviations of parts are put together as in Chan, Golub and LeVeque, "Updating
    Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
    """

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0
        self.low, self.high = math.inf, -math.inf

    def add(self, numbers: Sequence[float]) -> None:
        if not numbers:
            return
        mean = math.fsum(numbers) / len(numbers)
        squares = math.fsum([(each - mean) ** 2 for each in numbers])
        count, step = self.count + len(numbers), mean - self.mean
        self._squares += squares + step * step * self.count * len(numbers) / count
        self.mean += step * len(numbers) / count
        self.count = count
        self.low, self.high = min(self.low, *numbers), max(self.high, *numbers)
        if not math.isfinite(self._squares):
            raise OverflowError

    def scale(self, method: str, low: float, high: float) -> tuple[float, float]:
        if self.low == self.high:
            return self.low - (low if method == "min-max" else 0), 1
        if method == "standard":
            return self.mean, math.sqrt(self._squares / self.count) or 1
        width = (self.high - self.low) / (high - low)
        return self.low - low * width, width


@plugin(
    version="v1.0.0",
    tags=["shaping", "preprocessing"],
    outputs={
        "scaled": Output("entity/list", "text/csv", required=False),
        "vectors": Output("entity/vector", "application/json", required=False),
        "scales": "custom/scales",
    },
)
def scale(
    task: Task,
    entities: Annotated[Entities, Field(data_type="entity/*")],
    attributes: Annotated[Sequence[str], Field(attributes_of="entities")] = (),
    method: Literal["standard", "min-max"] = "standard",
    low: float = 0.0,
    high: float = 1.0,
    only_numbers: bool = False,
    scales: Annotated[Entities, Field(data_type="custom/scales")] | None = None,
):
    """Scales numeric attributes, so that none outweighs the others.

    With the method `min-max`,

    | ID | kind | size |
    | --- | --- | --- |
    | 1 | a | 2 |
    | 2 | a | |
    | 3 | b | 6 |

    becomes the following table. With `standard`, the sizes would be -1 and 1: the mean is then 0,
    and the standard deviation 1.

    | ID | kind | size |
    | --- | --- | --- |
    | 1 | a | 0.0 |
    | 2 | a | |
    | 3 | b | 1.0 |

    Missing values stay missing. An attribute whose values are all the same becomes 0 (with
    `min-max`: the smallest value). The file is read twice and not kept in memory.

    Args:
        entities: The entities to scale.
        attributes: The attributes to scale; by default, all numeric attributes.
        method: `standard`: mean 0 and standard deviation 1. `min-max`: from the smallest to the
            largest value that you choose.
        low: The smallest value after scaling with `min-max`.
        high: The largest value after scaling with `min-max`. For rotations of qubits, use 3.1416.
        only_numbers: Return only `ID`, `href`, and the scaled attributes, as vectors, which other
            plugins accept as points. No value may then be missing.
        scales: Scale like an earlier task, using its output `scales`, so that test data is scaled
            like the training data. Method and attributes are then ignored.
    """
    if scales is not None:
        found, total = _earlier(scales), None
    elif low >= high:
        raise ValueError(
            f"The smallest value, {low:g}, has to be below the largest, {high:g}."
        )
    else:
        found, total = _find_scales(
            task, entities, attributes, lambda each: each.scale(method, low, high)
        )
    task.log(f"Scaled attributes: {', '.join(found) or 'none'}.")
    rows = _scaled(task.track(entities, total=total, unit="entities"), found)
    return {
        "vectors" if only_numbers else "scaled": (
            _vectors(rows, found) if only_numbers else rows
        ),
        "scales": [
            {"ID": name, "offset": offset, "width": width}
            for name, (offset, width) in found.items()
        ],
    }


def _earlier(scales: Iterable[Row]) -> Scales:
    """Read the scales of an earlier task."""
    try:
        return {row["ID"]: (float(row["offset"]), float(row["width"])) for row in scales}
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            "The file of scales is not the output `scales` of this plugin."
        ) from None


def _find_scales(
    task: Task,
    entities: Iterable[Row],
    attributes: Sequence[str],
    scale_of: Callable[[Statistics], tuple[float, float]],
) -> tuple[Scales, int]:
    statistics: dict[str, Statistics] = {}
    words: set[str] = set()
    total = 0
    rows = task.track(expect_attributes(entities, attributes), unit="entities")
    for part in _parts(rows):
        total += len(part)
        for name in attributes or {name: None for row in part for name in row}:
            if name in words or (not attributes and name in KEYS):
                continue
            try:
                _add(part, name, statistics.setdefault(name, Statistics()))
            except ValueError as error:
                if attributes:
                    raise
                words.add(name)
                task.log(f"Not scaled: {error}")
    return {
        name: scale_of(each)
        for name, each in statistics.items()
        if name not in words and each.count
    }, total


def _add(rows: Sequence[Row], name: str, statistics: Statistics) -> None:
    numbers = read_numbers(rows, name)
    try:
        statistics.add([each for each in numbers if each is not None])
    except OverflowError:
        place = max(range(len(rows)), key=lambda n: abs(numbers[n] or 0))
        raise ValueError(
            f"{rows[place][name]!r:.99}, the {name!r:.99} of entity "
            f"{rows[place].get('ID')!r:.99}, is too large a number to scale: leave the entity out "
            "with entity-select."
        ) from None


def _scaled(entities: Iterable[Row], scales: Scales) -> Iterator[Row]:
    for part in _parts(expect_attributes(entities, scales)):
        for name, (offset, width) in scales.items():
            for row, number in zip(part, read_numbers(part, name)):
                if number is not None:
                    row[name] = (number - offset) / width
        yield from part


def _vectors(rows: Iterable[Row], scales: Scales) -> Iterator[Row]:
    for row in rows:
        for name in scales:
            if not isinstance(row.get(name), float):
                raise ValueError(
                    f"{name!r:.99} of entity {row.get('ID')!r:.99} is missing: leave out such "
                    "entities with entity-select before."
                )
        yield {name: row.get(name) for name in ("ID", "href", *scales)}


def _parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while part := list(islice(rows, ROWS_AT_ONCE)):
        yield part


def read_numbers(rows: Sequence[Row], name: str) -> list[float | None]:
    """Return the values of an attribute; ``None`` for missing ones.

    Raises:
        ValueError: one of them is no finite number; names it.
    """
    values = [row.get(name) for row in rows]
    try:
        text = " ".join(values)
        # What float() reads, and number_of does not: 1_000, inf, nan, digits of other scripts.
        if text.isascii() and "_" not in text and "n" not in text.lower():
            numbers = [float(each) if each else None for each in values]
            if math.isfinite(sum(filter(None, numbers))):
                return numbers
    except (TypeError, ValueError):
        pass  # one by one, to see which
    return [_number(row, name) for row in rows]


def _number(row: Row, name: str) -> float | None:
    value = row.get(name)
    if is_missing(value):
        return None
    number = number_of(value)
    if number is None:
        raise ValueError(
            f"{value!r:.99}, the {name!r:.99} of entity {row.get('ID')!r:.99}, is no number: "
            "leave the entity out with entity-select, or encode the attribute."
        )
    return number
