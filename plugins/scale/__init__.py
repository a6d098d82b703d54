"""Brings numeric attributes to one scale."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

from qhana_plugin_runner.authoring import Entities, Field, Output, Task, plugin
from qhana_plugin_runner.plugin_utils.attributes import parse_float
from qhana_plugin_runner.plugin_utils.entity_marshalling import expect_attributes

Row = dict[str, Any]
Scales = dict[str, tuple[float, float]]
"""What to subtract from the values of an attribute, and what to divide them by then."""

KEYS = {"ID", "href"}
MISSING = {"", "na", "n/a", "nan", "null", "none"}

CHUNK = 1024
"""Values of an attribute that are looked at together."""


class Statistics:
    """Count, extremes, mean and deviation of numbers, most of which are not kept.

    The means and deviations of parts are put together as in Chan, Golub and LeVeque, "Updating
    Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
    """

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0
        self.low, self.high = math.inf, -math.inf
        self._latest: list[float] = []

    def add(self, number: float) -> None:
        self._latest.append(number)
        if len(self._latest) == CHUNK:
            self.finish()

    def finish(self) -> None:
        """Take the numbers into account that were added since the last time."""
        numbers, self._latest = self._latest, []
        if not numbers:
            return
        mean = math.fsum(numbers) / len(numbers)
        squares = math.fsum([(each - mean) ** 2 for each in numbers])
        count, step = self.count + len(numbers), mean - self.mean
        self._squares += squares + step * step * self.count * len(numbers) / count
        self.mean += step * len(numbers) / count
        self.count = count
        self.low, self.high = min(self.low, *numbers), max(self.high, *numbers)

    def scale(self, method: str, low: float, high: float) -> tuple[float, float]:
        if self.low == self.high:
            return self.low - (low if method == "min-max" else 0), 1
        if method == "standard":
            return self.mean, math.sqrt(self._squares / self.count)
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
    attributes: Sequence[str] = (),
    method: Literal["standard", "min-max"] = "standard",
    low: float = 0.0,
    high: float = 1.0,
    only_numbers: bool = False,
    scales: Annotated[Entities, Field(data_type="custom/scales")] | None = None,
):
    """Brings numeric attributes to one scale, so that none outweighs the others.

    With the method `min-max`,

    | ID | kind | size |
    | --- | --- | --- |
    | 1 | a | 2 |
    | 2 | a | |
    | 3 | b | 6 |

    becomes the following table. With `standard` the sizes would be -1 and 1: the mean is 0 then,
    and the standard deviation 1.

    | ID | kind | size |
    | --- | --- | --- |
    | 1 | a | 0.0 |
    | 2 | a | |
    | 3 | b | 1.0 |

    Missing values stay missing. An attribute whose values are all the same becomes 0 (with
    `min-max`: the smallest value). The file is read twice, and not kept in memory.

    Args:
        entities: The entities to scale.
        attributes: The attributes to scale; none: all whose values are numbers.
        method: `standard`: mean 0 and standard deviation 1. `min-max`: from the smallest to the
            largest value that you choose.
        low: The smallest value after scaling with `min-max`.
        high: The largest value after scaling with `min-max`. For rotations of qubits take 3.1416.
        only_numbers: Give `ID`, `href` and the scaled attributes only, as vectors, which other
            plugins take for points. No value may be missing then.
        scales: Scale as an earlier task did, by its output `scales`: so test data gets the scale of
            the training data. Method and attributes do not matter then.
    """
    if scales is not None:
        found = {row["ID"]: (float(row["offset"]), float(row["width"])) for row in scales}
        total = None
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


def _find_scales(
    task: Task,
    entities: Iterable[Row],
    attributes: Sequence[str],
    scale_of: Callable[[Statistics], tuple[float, float]],
) -> tuple[Scales, int]:
    statistics: dict[str, Statistics] = {name: Statistics() for name in attributes}
    texts: set[str] = set()
    total = 0
    for row in task.track(expect_attributes(entities, attributes), unit="entities"):
        total += 1
        for name in attributes or row.keys() - KEYS - texts:
            try:
                number = number_of(row.get(name))
            except ValueError:
                if attributes:
                    raise _no_number(name, row) from None
                texts.add(name)
                task.log(
                    f"Not scaled: {name}; {row[name]!r:.99} of entity {row.get('ID')!r:.99} is no number."
                )
                continue
            if number is not None:
                if name not in statistics:
                    statistics[name] = Statistics()
                statistics[name].add(number)
    for each in statistics.values():
        each.finish()
    return {
        name: scale_of(each)
        for name, each in statistics.items()
        if name not in texts and each.count
    }, total


def _scaled(entities: Iterable[Row], scales: Scales) -> Iterator[Row]:
    for row in expect_attributes(entities, scales):
        for name, (offset, width) in scales.items():
            try:
                number = number_of(row.get(name))
            except ValueError:
                raise _no_number(name, row) from None
            if number is not None:
                row[name] = (number - offset) / width
        yield row


def _vectors(rows: Iterable[Row], scales: Scales) -> Iterator[Row]:
    for row in rows:
        for name in scales:
            if not isinstance(row.get(name), float):
                raise ValueError(
                    f"{name!r:.99} of entity {row.get('ID')!r:.99} is missing: leave out such "
                    "entities with entity-select before."
                )
        yield {name: row.get(name) for name in ("ID", "href", *scales)}


def _no_number(name: str, row: Row) -> ValueError:
    return ValueError(
        f"{row[name]!r:.99}, the {name!r:.99} of entity {row.get('ID')!r:.99}, is no number: leave "
        "the entity out with entity-select, or encode the attribute."
    )


def number_of(value: Any) -> float | None:
    """Return a number; ``None`` for a missing value.

    Raises:
        ValueError: it is no finite number.
    """
    try:
        number = parse_float(value)
    except TypeError:
        if value is None:
            return None
        raise ValueError("no number") from None
    except ValueError:
        if isinstance(value, str) and value.strip().lower() in MISSING:
            return None
        raise
    if number - number == 0 and not isinstance(value, bool):
        return number
    if number != number:
        return None
    raise ValueError("no finite number")
