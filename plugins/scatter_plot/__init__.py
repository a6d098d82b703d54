"""Draws entities as points, and makes a file of those that are selected."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
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
    number_of,
    numeric_attributes,
    sample_of,
)

MAX_POINTS = 20_000
WEBGL_FROM = 2_000
"""Points from which browsers are slow without WebGL."""

MAX_CATEGORIES = 24
MAX_HOVERED = 8
"""Attributes that are shown at a point."""

LABEL = "label"
SYMBOLS = ["circle", "square", "diamond", "cross", "x", "triangle-up", "star", "hexagon"]
SYMBOLS_3D = ["circle", "square", "diamond", "cross", "x", "circle-open", "square-open"]

EYE = {"x": 1.7, "y": 1.7, "z": 1.1}
"""Where one looks from, in lengths of the sides: near enough, and far enough for the titles."""

Attribute = Annotated[str | None, Field(attributes_of="data")]
Row = dict[str, Any]


def read_ids(text: str) -> list[str]:
    """Read the IDs of a selection.

    Raises:
        ValueError: the text is no list of IDs.
    """
    try:
        ids = json.loads(text)
    except ValueError:
        ids = None
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise ValueError('Write the IDs as a list in JSON, such as ["a", "b"].')
    return ids


@plugin(
    version="v1.0.0",
    type=PluginType.visualization,
    tags=["visualization", "learning"],
    requirements=["plotly>=6"],
    outputs={
        "plot": Output("image/html", "text/html", required=False),
        "selection": Output("entity/list", required=False),
    },
)
def scatter_plot(
    task: Task,
    data: Annotated[Entities, Field(label="Entities", data_type="entity/*")],
    labels: Annotated[Entities | None, Field(data_type="entity/label")] = None,
    details: Annotated[Entities | None, Field(data_type="entity/*")] = None,
    x: Attribute = None,
    y: Attribute = None,
    z: Attribute = None,
    color: Attribute = None,
    symbol: Attribute = None,
    points: Annotated[int, Field(ge=1, le=200_000)] = MAX_POINTS,
    seed: int = 0,
    selected: Annotated[str | None, Field(input_type="hidden", check=read_ids)] = None,
) -> dict[str, Figure | list[Row]]:
    """Draws entities as points in two or three dimensions.

    An attribute, or the labels in a second file for the entities with the same ID,
    determines the color and symbol of each point. Select points with the lasso or the
    box above the figure: **Save selection** starts a task that saves the selected
    entities as a file. **submit** saves the figure as a self-contained HTML
    file.

    Example: the entities

    | ID | dim0 | dim1 |
    | --- | --- | --- |
    | a | 0.1 | 2.0 |
    | b | 0.3 | 1.5 |

    and the labels

    | ID | label |
    | --- | --- |
    | a | 0 |
    | b | 1 |

    give two points of different colors.

    Args:
        data: The entities.
        labels: A class or cluster for each entity.
        details: More attributes of the entities, for colors and symbols.
        x: The attribute of the x axis; by default, the first numeric one.
        y: The attribute of the y axis; by default, the next numeric one.
        z: The attribute of the z axis; without it, the plot has two dimensions.
        color: The attribute that determines the colors; by default, the labels, if there are
            any.
        symbol: The attribute that determines the symbols.
        points: The maximum number of points; of more entities, a random sample is drawn.
        seed: The random seed of the sample.
        selected: The IDs of the selected entities, as a JSON list.
    """
    if selected:
        wanted = set(read_ids(selected))
        found = [row for row in task.track(data, unit="entities") if id_of(row) in wanted]
        task.log(f"{len(found)} of {len(wanted)} selected entities found.")
        return {"selection": found}
    rows, total = sample_of(task.track(data, unit="entities"), points, seed)
    if not rows:
        raise ValueError("The file has no entities.")
    notes: list[str] = []
    numeric = numeric_attributes(rows)
    if details is not None:
        join(rows, details, "details", notes)
    if total > len(rows):
        notes.append(f"A random sample of {len(rows):,} of {total:,} entities.")
    if labels is not None:
        join(rows, labels, "labels", notes)
        color = color or LABEL
    names = attributes_of(rows)
    axes = choose_axes(numeric, {"x": x, "y": y, "z": z}, names)
    for attribute in filter(None, (color, symbol)):
        require_attribute(attribute, names)
    drawn = [row for row in rows if all(number_of(row.get(a)) is not None for a in axes)]
    if len(drawn) < len(rows):
        missing = (
            f"{len(rows) - len(drawn):,} entities have no number in {' or '.join(axes)}"
        )
        notes.append(f"{missing}, and are not drawn.")
    if not drawn:
        raise ValueError(f"No entity has numbers in {' and '.join(axes)}.")
    traces, ids = make_traces(drawn, axes, color, symbol, names, notes)
    by = f", colored by {color}" if color else ""
    plot = Figure(
        traces,
        make_layout(axes, color, symbol, traces),
        title=f"Scatter plot of {len(drawn):,} entities: {' by '.join(axes)}{by}",
        notes=notes,
        choices={
            "x": numeric,
            "y": numeric,
            "z": numeric,
            "color": names,
            "symbol": names,
        },
        ids=ids if len(axes) < 3 else (),
        selects="selected" if len(axes) < 3 else "",
    )
    return {"plot": plot}


def id_of(row: Row) -> str:
    return str(row.get("ID", ""))


def join(rows: list[Row], others: Iterable[Row], what: str, notes: list[str]) -> None:
    """Give each entity the attributes that another file has for its ID.

    The only attribute of labels, or that of this name among more, is their label.
    """
    by_id = {id_of(row): row for row in rows}
    found: set[str] = set()
    for each in others:
        row = by_id.get(id_of(each))
        if row is None:
            continue
        found.add(id_of(each))
        names = attributes_of([each])
        if what == "labels":
            name = LABEL if LABEL in names else next(iter(names), None)
            if name is None:
                raise ValueError("The labels have no attribute besides ID and href.")
            row[LABEL] = str(each[name])
        else:
            row.update((name, each[name]) for name in names if name not in row)
    if not found:
        raise ValueError(
            f"The {what} have no ID of an entity: choose {what} of these entities."
        )
    if len(found) < len(rows):
        notes.append(f"{len(rows) - len(found):,} entities have no {what}.")
    if what == "labels":
        for row in rows:
            if id_of(row) not in found:
                row[LABEL] = ""


def require_attribute(name: str, names: list[str]) -> None:
    if name not in names:
        raise ValueError(
            f"No entity has the attribute {name!r}; there are: {', '.join(names)}."
        )


def choose_axes(
    numeric: list[str], given: dict[str, str | None], names: list[str]
) -> list[str]:
    """Return the attributes along the axes, two or three."""
    for name in filter(None, given.values()):
        require_attribute(name, names)
    free = [each for each in numeric if each not in given.values()]
    axes = []
    for axis in ("x", "y"):
        chosen = given[axis] or (free.pop(0) if free else None)
        if chosen is None:
            raise ValueError(
                f"There is no attribute with numbers for the {axis} axis; there are: "
                f"{', '.join(names) or 'none'}. `encode` makes numbers of categories, and "
                "`histogram` draws a single attribute."
            )
        axes.append(chosen)
    return [*axes, given["z"]] if given["z"] else axes


def is_scale(rows: list[Row], name: str) -> bool:
    """Whether an attribute is a number rather than a category."""
    if name == LABEL or name not in numeric_attributes(rows):
        return False
    return len({row.get(name) for row in rows}) > 10


def make_traces(
    rows: list[Row],
    axes: list[str],
    color: str | None,
    symbol: str | None,
    names: list[str],
    notes: list[str],
) -> tuple[list[dict[str, Any]], list[list[str]]]:
    """Return a trace for each combination of color and symbol, and the IDs of their points."""
    scale = color if color and is_scale(rows, color) else None
    colors = Categories(rows, None if scale else color, notes)
    symbols = Categories(rows, symbol or (None if scale else color), notes)
    groups: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in rows:
        groups[colors.of(row), symbols.of(row)].append(row)
    shapes = SYMBOLS_3D if len(axes) == 3 else SYMBOLS
    kind = "scattergl" if len(rows) > WEBGL_FROM else "scatter"
    hovered = [each for each in dict.fromkeys([*axes, color, symbol, *names]) if each]
    traces, ids = [], []
    for (c, s), group in sorted(groups.items()):
        marker: dict[str, Any] = {
            "symbol": shapes[s % len(shapes)],
            "size": 4 if len(axes) == 3 else 7 if len(rows) <= WEBGL_FROM else 4,
            "opacity": 0.8,
        }
        if scale:
            marker["color"] = [number_of(row.get(scale)) for row in group]
            marker["coloraxis"] = "coloraxis"
        elif color:
            marker["color"] = Figure.COLORS[c % len(Figure.COLORS)]
        title = dict.fromkeys(each for each in (colors.name(c), symbols.name(s)) if each)
        traces.append(
            {
                "type": "scatter3d" if len(axes) == 3 else kind,
                "mode": "markers",
                "name": ", ".join(cut(each, 30) for each in title) or "entities",
                **{
                    axis: [number_of(row.get(name)) for row in group]
                    for axis, name in zip("xyz", axes)
                },
                "hovertext": [hover_text(row, hovered[:MAX_HOVERED]) for row in group],
                "hoverinfo": "text",
                "marker": marker,
            }
        )
        ids.append([id_of(row) for row in group])
    return traces, ids


class Categories:
    """The values of an attribute, numbered; rare ones beyond a limit share the last number."""

    def __init__(self, rows: list[Row], attribute: str | None, notes: list[str]) -> None:
        self._attribute = attribute
        counted: dict[str, int] = defaultdict(int)
        for row in rows if attribute else ():
            counted[self._text(row)] += 1
        frequent = sorted(counted, key=lambda each: -counted[each])[:MAX_CATEGORIES]
        self._names = sorted(frequent, key=natural)
        self._numbers = {name: number for number, name in enumerate(self._names)}
        if len(counted) > len(frequent):
            self._names.append("others")
            note = f"The {MAX_CATEGORIES} most frequent values of {attribute} have their own look."
            if note not in notes:
                notes.append(note)

    def _text(self, row: Row) -> str:
        value = row.get(self._attribute)
        return "" if value is None else str(value)

    def of(self, row: Row) -> int:
        """Return the number of an entity's value."""
        if self._attribute is None:
            return 0
        return self._numbers.get(self._text(row), len(self._numbers))

    def name(self, number: int) -> str:
        if self._attribute is None:
            return ""
        return self._names[number] or "(none)"


def natural(text: str) -> tuple[bool, float, str]:
    number = number_of(text)
    return number is None, number or 0, text


def hover_text(row: Row, attributes: Sequence[str]) -> Markup:
    lines = [Markup("<b>{}</b>").format(cut(id_of(row)))]
    lines += [
        Markup("{}: {}").format(cut(each), cut(row.get(each, ""))) for each in attributes
    ]
    return Markup("<br>").join(lines)


def cut(value: Any, length: int = 60) -> str:
    text = str(value)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def make_layout(
    axes: list[str],
    color: str | None,
    symbol: str | None,
    traces: list[dict[str, Any]],
) -> dict[str, Any]:
    titles = [{"title": {"text": cut(each)}} for each in axes]
    has_scale = any("coloraxis" in trace["marker"] for trace in traces)
    by = [symbol] if has_scale else dict.fromkeys([color, symbol])
    layout: dict[str, Any] = {
        "showlegend": len(traces) > 1,
        "legend": {
            "title": {"text": ", ".join(cut(each, 30) for each in by if each)},
            "itemsizing": "constant",
        },
        "dragmode": "orbit",
    }
    if has_scale:
        layout["coloraxis"] = {
            "colorscale": "Viridis",
            "colorbar": {"title": {"text": color}},
        }
        layout["legend"] |= {"x": 0, "y": 1.02, "yanchor": "bottom", "orientation": "h"}
    if len(axes) == 3:
        layout["scene"] = dict(zip(("xaxis", "yaxis", "zaxis"), titles))
        layout["scene"] |= {"aspectmode": "cube", "camera": {"eye": EYE}}
        layout["margin"] = {"t": 0, "r": 0, "b": 0, "l": 0}
    else:
        layout |= dict(zip(("xaxis", "yaxis"), titles))
        layout["dragmode"] = "lasso"
    return layout
