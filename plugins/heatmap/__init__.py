"""Draws a matrix: of kernels, of confusion, or of the numbers of entities."""

from itertools import chain, islice, product
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
)

FIRST_ROWS = 1_000
"""Rows by which attributes are judged."""

MAX_SIDE = 1_000
"""Rows and columns that are drawn."""

MAX_TEXTS = 400
"""Cells up to which their numbers are written into them."""

KNOWN = [
    ("entity_1_ID", "entity_2_ID", "kernel"),
    ("entity_1_ID", "entity_2_ID", "distance"),
    ("entity_1_ID", "entity_2_ID", "similarity"),
    ("actual", "predicted", "count"),
]
"""Rows that hold a cell each, as plugins write them: its row, its column, and its value."""

MATRICES = ("custom/kernel-matrix", "custom/confusion-matrix")

Row = dict[str, Any]


@plugin(
    version="v1.0.0",
    type=PluginType.visualization,
    tags=["visualization", "learning"],
    requirements=["plotly>=6"],
    outputs={"heatmap": Output("image/html", "text/html")},
)
def heatmap(
    task: Task,
    data: Annotated[Entities, Field(label="Matrix or entities", data_type=MATRICES)],
    row: Annotated[str | None, Field(attributes_of="data")] = None,
    column: Annotated[str | None, Field(attributes_of="data")] = None,
    value: Annotated[str | None, Field(attributes_of="data")] = None,
) -> Figure:
    """Draws a matrix with a color for each number.

    Accepts kernel matrices (`entity_1_ID`, `entity_2_ID`, `kernel`), confusion matrices
    (`actual`, `predicted`, `count`), and any file with three attributes for the row,
    the column, and the value of a cell. For other entities, it draws the numeric
    attributes: a row for each entity.

    The page draws the figure; **submit** saves it as a self-contained HTML
    file.

    Example:

    | actual | predicted | count |
    | --- | --- | --- |
    | cat | cat | 8 |
    | cat | dog | 2 |
    | dog | dog | 9 |

    gives a matrix of 2 by 2 cells; the cell for `dog` and `cat` is empty.

    Args:
        data: The cells, or entities.
        row: The attribute that names the row of a cell; detected in known files.
        column: The attribute that names its column.
        value: The attribute with its value.
    """
    rows = task.track(data, unit="cells")
    head = list(islice(rows, FIRST_ROWS))
    if not head:
        raise ValueError("The file has no entities.")
    names = attributes_of(head)
    given = (row, column, value)
    choices = {each: names for each in ("row", "column", "value")}
    cells = cells_of(names, given)
    if cells is None:
        return draw_table(list(islice(chain(head, rows), MAX_SIDE + 1)), choices)
    return draw_cells(chain(head, rows), cells, choices)


def cells_of(
    names: list[str], given: tuple[str | None, ...]
) -> tuple[str, str, str] | None:
    """Return the attributes for row, column and value; ``None``: rows hold no cells."""
    for name in filter(None, given):
        if name not in names:
            raise ValueError(
                f"No entity has the attribute {name!r}; there are: {', '.join(names)}."
            )
    if all(given):
        row, column, value = map(str, given)
        return row, column, value
    if any(given):
        raise ValueError("Choose row, column and value, or none of them.")
    return next((each for each in KNOWN if set(each) <= set(names)), None)


def draw_cells(
    rows: Any, cells: tuple[str, str, str], choices: dict[str, list[str]]
) -> Figure:
    """Draw a matrix whose cells are rows of the file."""
    across, down, value = cells[1], cells[0], cells[2]
    found: dict[tuple[str, str], float] = {}
    row_names: dict[str, None] = {}
    column_names: dict[str, None] = {}
    notes = []
    no_numbers = twice = 0
    for each in rows:
        number = number_of(each.get(value))
        key = (str(each.get(down, "")), str(each.get(across, "")))
        no_numbers += number is None
        if number is None:
            continue
        twice += key in found
        found[key] = number
        row_names.setdefault(key[0])
        column_names.setdefault(key[1])
    if not found:
        raise ValueError(f"No value of {value!r} is a number.")
    if no_numbers:
        notes.append(f"{no_numbers:,} values of {value} are no numbers, and left out.")
    if twice:
        notes.append(
            f"{twice:,} cells are in the file more than once; the last one counts."
        )
    if set(row_names) == set(column_names) or (down, across) == ("actual", "predicted"):
        # the same order on both sides puts what is equal on the diagonal
        names = dict.fromkeys(chain(row_names, column_names))
        ordered = sorted(names) if down == "actual" else list(names)
        shown_rows = shown_columns = ordered
    else:
        shown_rows, shown_columns = list(row_names), list(column_names)
    if down == "actual":  # what was never predicted may be missing
        sides = shown_rows[:MAX_SIDE], shown_columns[:MAX_SIDE]
        found = dict.fromkeys(product(*sides), 0.0) | found
    if down == "entity_1_ID":  # one half of a symmetric matrix is enough
        found |= {(b, a): n for (a, b), n in found.items() if (b, a) not in found}
    return draw(shown_rows, shown_columns, found, (down, across, value), notes, choices)


def draw_table(entities: list[Row], choices: dict[str, list[str]]) -> Figure:
    """Draw the attributes of entities that are numbers."""
    numeric = numeric_attributes(entities)
    if not numeric:
        raise ValueError(
            "There are no cells and no attributes with numbers; attributes: "
            f"{', '.join(attributes_of(entities)) or 'none'}. Choose row, column and value."
        )
    names = [str(each.get("ID", number)) for number, each in enumerate(entities)]
    cells = {
        (name, attribute): number
        for name, each in zip(names, entities)
        for attribute in numeric[:MAX_SIDE]
        if (number := number_of(each.get(attribute))) is not None
    }
    labels = ("entity", "attribute", "value")
    return draw(list(dict.fromkeys(names)), numeric, cells, labels, [], choices)


def draw(
    rows: list[str],
    columns: list[str],
    cells: dict[tuple[str, str], float],
    labels: tuple[str, str, str],
    notes: list[str],
    choices: dict[str, list[str]],
) -> Figure:
    if max(len(rows), len(columns)) > MAX_SIDE:
        notes.append(f"Only the first {MAX_SIDE:,} rows and columns are drawn.")
        rows, columns = rows[:MAX_SIDE], columns[:MAX_SIDE]
    trace: dict[str, Any] = {
        "type": "heatmap",
        "x": columns,
        "y": rows,
        "z": [[cells.get((row, column)) for column in columns] for row in rows],
        "colorscale": "Viridis",
        "colorbar": {"title": {"text": labels[2]}},
        "hoverongaps": False,
        "hovertemplate": Markup("%{y}, %{x}: %{z}<extra></extra>"),
    }
    if len(rows) * len(columns) <= MAX_TEXTS:
        trace["texttemplate"] = "%{z:.4~g}"
    return Figure(
        [trace],
        {
            "xaxis": {
                "title": {"text": labels[1]},
                "type": "category",
                "showgrid": False,
            },
            "yaxis": {
                "title": {"text": labels[0]},
                "type": "category",
                "autorange": "reversed",
                "showgrid": False,
            },
        },
        title=f"Matrix of {labels[2]}: {len(rows):,} by {len(columns):,} cells",
        notes=notes,
        choices=choices,
    )
