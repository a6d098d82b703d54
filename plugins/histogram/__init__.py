"""Draws how often the values of an attribute occur."""

import math
from collections import Counter
from itertools import chain, islice, pairwise
from typing import Annotated, Any

from markupsafe import Markup

from qhana_plugin_runner.authoring import (
    Entities,
    Field,
    Figure,
    Output,
    PluginType,
    Task,
    plugin,
)
from qhana_plugin_runner.plugin_utils.columns import (
    attributes_of,
    is_missing,
    number_of,
    numeric_attributes,
)

FIRST_ROWS = 1_000
"""Rows by which attributes are judged."""

MAX_BARS = 50
MAX_BINS = 200
MOST_VALUES = 50
"""Different values in a bin up to which one more or less of them shows."""

LEAST_SPREAD = 1e-300
"""Numbers that are nearer to each other are one number: bins are no narrower."""

MAX_OUTCOMES = 2_000
MAX_LABEL = 30
"""Characters of a value that are written at its bar."""


@plugin(
    version="v1.0.0",
    type=PluginType.visualization,
    tags=["visualization", "learning"],
    requirements=["plotly>=6"],
    outputs={"histogram": Output("image/html", "text/html")},
)
def histogram(
    task: Task,
    data: Annotated[Entities, Field(label="Entities", data_type="entity/*")],
    attribute: Annotated[str | None, Field(attributes_of="data")] = None,
    bins: Annotated[int | None, Field(ge=1, le=MAX_BINS)] = None,
) -> Figure:
    """Draws how often the values of an attribute occur.

    Numbers are put into bins, and everything else is counted value by value. The counts
    that circuit executors write (one row with a number for each bit string) become a
    bar for each bit string.

    The page draws the figure; **submit** saves it as a self-contained HTML
    file.

    Example: the attribute `size` of

    | ID | size |
    | --- | --- |
    | a | 1.0 |
    | b | 1.2 |
    | c | 3.0 |

    with 2 bins gives a bar of height 2 from 1 to 2, and one of height 1 from 2 to 3.

    Args:
        data: The entities.
        attribute: The attribute to count; by default, the first numeric one.
        bins: The number of bins for numbers; by default, it depends on the data.
    """
    rows = task.track(data, unit="entities")
    head = list(islice(rows, FIRST_ROWS))
    if not head:
        raise ValueError("The file has no entities.")
    names, numeric = attributes_of(head), numeric_attributes(head)
    if not names:
        raise ValueError("The entities have no attributes besides ID and href.")
    if attribute is None and len(head) == 1 and numeric == names:
        return draw_counts(head[0], names)
    chosen = attribute or (numeric or names)[0]
    if chosen not in names:
        raise ValueError(
            f"No entity has the attribute {chosen!r}; there are: {', '.join(names)}."
        )
    values = [row.get(chosen) for row in chain(head, rows)]
    choices = {"attribute": names}
    if chosen not in numeric:
        return draw_categories(chosen, values, choices)
    numbers = [number for each in values if (number := number_of(each)) is not None]
    missing = sum(map(is_missing, values))
    others = len(values) - len(numbers) - missing
    notes = [f"{missing:,} values are missing."] if missing else []
    if others:
        notes.append(f"{others:,} values are no numbers, and left out.")
    return draw_numbers(chosen, numbers, bins, choices, notes)


def draw_counts(row: dict[str, Any], names: list[str]) -> Figure:
    """Draw the counts in a row, as circuit executors write them."""
    counted = {name: number_of(row[name]) or 0.0 for name in names}
    total = f"{sum(counted.values()):,.10g}"
    frequent = sorted(names, key=counted.__getitem__, reverse=True)[:MAX_OUTCOMES]
    names, notes = sorted(frequent), [f"{total} in all."]
    if len(counted) > len(names):
        notes.append(f"The {len(names):,} most frequent of {len(counted):,} outcomes.")
    counts = [counted[name] for name in names]
    return Figure(
        [bars(names, counts, "%{x}: %{y}<extra></extra>")],
        {"xaxis": category_axis("outcome"), "yaxis": {"title": {"text": "count"}}},
        title=f"Counts of {len(names)} outcomes, {total} in all",
        notes=notes,
    )


def draw_categories(
    name: str, values: list[Any], choices: dict[str, list[str]]
) -> Figure:
    """Draw how often each value occurs, the most frequent first."""
    counted = Counter(str(each) for each in values if each not in (None, ""))
    shown = counted.most_common(MAX_BARS)
    missing = len(values) - counted.total()
    notes = [f"{missing:,} values are missing."] if missing else []
    if len(counted) > len(shown):
        left_out = f"{len(counted) - len(shown):,} more values are not drawn."
        notes.append(f"The {MAX_BARS} most frequent values; {left_out}")
    labels, counts = [each for each, _count in shown], [count for _, count in shown]
    axis = category_axis(name)
    if max(map(len, labels), default=0) > MAX_LABEL:
        short = [
            each if len(each) <= MAX_LABEL else f"{each[: MAX_LABEL - 1]}…"
            for each in labels
        ]
        axis |= {"tickvals": list(range(len(labels))), "ticktext": short}
    return Figure(
        [bars(labels, counts, "%{x}: %{y}<extra></extra>")],
        {"xaxis": axis, "yaxis": {"title": {"text": "count"}}},
        title=f"How often each value of {name} occurs",
        notes=notes,
        choices=choices,
    )


def draw_numbers(
    name: str,
    numbers: list[float],
    bins: int | None,
    choices: dict[str, list[str]],
    notes: list[str],
) -> Figure:
    """Draw how many numbers are in each bin."""
    edges, counts = binned(numbers, bins)
    width = edges[1] - edges[0]
    ranges = [f"{low:.6g} to {high:.6g}" for low, high in zip(edges, edges[1:])]
    trace = bars(
        [low + width / 2 for low in edges[:-1]],
        counts,
        "%{customdata}: %{y}<extra></extra>",
    )
    return Figure(
        [{**trace, "width": width, "customdata": ranges}],
        {
            "bargap": 0,
            "xaxis": {"title": {"text": name}},
            "yaxis": {"title": {"text": "count"}},
        },
        title=f"Histogram of {name}: {len(numbers):,} values in {len(counts)} bins",
        notes=notes,
        choices=choices,
    )


def bars(x: list[Any], y: list[Any], hover: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": x,
        "y": y,
        "hovertemplate": Markup(hover),
        "marker": {"line": {"width": 0.5, "color": "rgba(128, 128, 128, 0.6)"}},
    }


def category_axis(name: str) -> dict[str, Any]:
    # else bit strings are read as numbers
    return {"title": {"text": name}, "type": "category"}


def binned(numbers: list[float], bins: int | None) -> tuple[list[float], list[int]]:
    """Return the edges of bins of the same width, and how many numbers are in each."""
    low, high = min(numbers), max(numbers)
    if math.isinf(high - low):
        raise ValueError("The numbers are too far from each other for bins.")
    count = bins or 1
    if high - low < LEAST_SPREAD:
        margin = max(0.5, 4 * math.ulp(low))  # else it is lost in large numbers
        low, high = low - margin, high + margin
    elif bins is None:
        low, high, count = suitable_bins(sorted(numbers))
    scale = count / (high - low)
    counts = [0] * count
    for each in numbers:
        counts[min(int((each - low) * scale), count - 1)] += 1
    edges = [low + (high - low) * each / count for each in range(count + 1)]
    return edges, counts


def suitable_bins(numbers: list[float]) -> tuple[float, float, int]:
    """Return from where to where there are how many bins for numbers in their order.

    The width is by the rules of Freedman and Diaconis, and of Sturges. Of rounded numbers, all
    bins hold the same number of different values: else they would look like a comb.
    """
    low, high, count = numbers[0], numbers[-1], len(numbers)
    spread = high - low
    quartiles = numbers[(3 * count) // 4] - numbers[count // 4]
    width = spread / (math.log2(count) + 1)
    if quartiles > 0:
        width = min(width, 2 * quartiles / count ** (1 / 3))
    width = max(width, spread / MAX_BINS)
    distinct = sorted({float(f"{each:.12g}") for each in numbers})
    step = min((b - a for a, b in pairwise(distinct)), default=spread)
    if width < MOST_VALUES * step:
        width = math.ceil(width / step - 1e-6) * step
        low -= step / 2
        bins = max(1, math.ceil((high - low) / width - 1e-6))
        return low, low + bins * width, bins
    bins = max(1, math.ceil(spread / width))
    return low, high, bins
