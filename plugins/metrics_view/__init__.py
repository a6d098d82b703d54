"""Shows metrics: a table of means and deviations, and lines over iterations."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Any, NamedTuple

from markupsafe import Markup

from qhana_plugin_runner.authoring import (
    Entities,
    Field,
    Figure,
    Output,
    Page,
    PluginType,
    Task,
    plugin,
)
from qhana_plugin_runner.plugin_utils.columns import number_of

MAX_POINTS = 5_000
"""Iterations of a metric that are drawn."""

HEAD = Markup(
    "<div class='qhana-table-frame' tabindex='0' role='region' aria-label='Metrics'>"
    "<table class='qhana-table'><caption>{}</caption><thead><tr>"
    "<th scope='col'>Metric</th><th scope='col' class='number'>{}</th>"
    "<th scope='col' class='number'>Deviation</th><th scope='col' class='number'>Least</th>"
    "<th scope='col' class='number'>Greatest</th><th scope='col' class='number'>Values</th>"
    "</tr></thead><tbody>"
)
ROW = Markup("<tr><th scope='row'>{}</th>{}</tr>")
CELL = Markup("<td class='number'>{}</td>")
FOOT = Markup("</tbody></table></div>")


class Measured(NamedTuple):
    """A value of a metric, with its fold or iteration if it has one."""

    value: float
    fold: str
    iteration: float | None


@plugin(
    version="v1.0.0",
    type=PluginType.visualization,
    tags=["visualization", "learning"],
    requirements=["plotly>=6"],
    outputs={"metrics": Output("image/html", "text/html")},
)
def metrics_view(
    task: Task,
    data: Annotated[Entities, Field(label="Metrics", data_type="custom/metrics")],
    compared: Annotated[
        Entities | None, Field(label="Compared with", data_type="custom/metrics")
    ] = None,
) -> Figure | Page:
    """Shows metrics: a table of means and deviations, and lines over iterations.

    Metrics are rows with the attributes `metric` and `value`. Rows with a `fold` are
    summarized by mean and sample standard deviation; rows with an `iteration`,
    such as the training loss, are drawn as a line.

    The page shows them; **submit** saves a self-contained HTML file.

    Example:

    | metric | value | fold |
    | --- | --- | --- |
    | accuracy | 0.9 | 1 |
    | accuracy | 1.0 | 2 |

    gives the mean 0.95 and the deviation 0.07.

    Args:
        data: The metrics.
        compared: Other metrics to show next to the first ones.
    """
    metrics, left_out = read_metrics(task.track(data, unit="values"))
    if compared is not None:
        others, left_out_too = read_metrics(compared)
        left_out += left_out_too
        metrics = side_by_side(metrics, others)
    notes = [f"{left_out:,} values are no numbers, and left out."] if left_out else []
    lines = {
        name: over
        for name, values in metrics.items()
        if (over := sorted(iterations(values), key=lambda each: each.iteration or 0))
    }
    rest = summarized(metrics)
    body = table_of(rest) if rest else Markup()
    if not lines:
        title = f"{len(rest)} metrics: {', '.join(rest)}"
        return Page(title=title, body=body, notes=notes)
    return Figure(
        traces_of(lines, notes),
        {
            "xaxis": {"title": {"text": "iteration"}},
            "yaxis": {
                "title": {"text": next(iter(lines)) if len(lines) == 1 else "value"}
            },
            "showlegend": True,
        },
        title=f"{', '.join(lines)} per iteration",
        body=last_values(lines) + body,
        notes=notes,
    )


def summarized(metrics: dict[str, list[Measured]]) -> dict[str, list[Measured]]:
    """Return the values without an iteration: those of folds, and those of no fold."""
    found = {}
    for name, values in metrics.items():
        rest = [each for each in values if each.iteration is None]
        folds = [each for each in rest if each.fold]
        overall = [each for each in rest if not each.fold]
        if folds:
            found[name] = folds
        if overall:
            found[f"{name} (overall)" if folds else name] = overall
    return found


def side_by_side(
    metrics: dict[str, list[Measured]], others: dict[str, list[Measured]]
) -> dict[str, list[Measured]]:
    """Return the metrics of two files, those of one name one below the other."""
    found = {}
    for name in dict.fromkeys([*metrics, *others]):
        if name in metrics:
            found[name] = metrics[name]
        if name in others:
            found[f"{name} (compared)"] = others[name]
    return found


def iterations(values: list[Measured]) -> list[Measured]:
    return [each for each in values if each.iteration is not None]


def read_metrics(rows: Iterable[dict[str, Any]]) -> tuple[dict[str, list[Measured]], int]:
    """Return the values of each metric, and how many are no numbers."""
    metrics: dict[str, list[Measured]] = defaultdict(list)
    left_out = 0
    for row in rows:
        if "metric" not in row or "value" not in row:
            raise ValueError(
                f"The row {row.get('ID', '')} has no attribute 'metric', or no 'value'; there are: "
                f"{', '.join(row)}. `table-view` shows any file."
            )
        number = number_of(row["value"])
        if number is None:
            left_out += 1
            continue
        fold = row.get("fold")
        iteration = number_of(row.get("iteration"))
        metrics[str(row["metric"])].append(
            Measured(number, "" if fold is None else str(fold), iteration)
        )
    if not metrics:
        raise ValueError("The file has no metrics.")
    return metrics, left_out


def table_of(metrics: dict[str, list[Measured]]) -> Markup:
    """Return a table of means and deviations."""
    has_folds = any(each.fold for values in metrics.values() for each in values)
    caption = "Metrics over the folds of a cross-validation" if has_folds else "Metrics"
    return Markup().join(
        [
            HEAD.format(caption, "Mean" if has_folds else "Value"),
            *(
                row_of(name, [each.value for each in values])
                for name, values in metrics.items()
            ),
            FOOT,
        ]
    )


def row_of(name: str, values: list[float]) -> Markup:
    mean = math.fsum(values) / len(values)
    deviation = (
        math.sqrt(math.fsum((each - mean) ** 2 for each in values) / (len(values) - 1))
        if len(values) > 1
        else None
    )
    shown = [mean, deviation, min(values), max(values)]
    texts = ["" if each is None else f"{each:.6g}" for each in shown]
    return ROW.format(
        name, Markup().join(CELL.format(each) for each in [*texts, len(values)])
    )


def last_values(lines: dict[str, list[Measured]]) -> Markup:
    """Return a line of text for each metric: people who do not see the figure read it."""
    text = Markup(
        "<p class='qhana-note'>{}: first {:.6g}, last {:.6g}, least {:.6g}.</p>"
    )
    return Markup().join(
        text.format(
            name, values[0].value, values[-1].value, min(each.value for each in values)
        )
        for name, values in lines.items()
    )


def traces_of(lines: dict[str, list[Measured]], notes: list[str]) -> list[dict[str, Any]]:
    """Return a line for each metric and fold."""
    groups: dict[str, list[Measured]] = defaultdict(list)
    for name, values in lines.items():
        for each in values:
            groups[f"{name}, fold {each.fold}" if each.fold else name].append(each)
    traces = []
    for name, values in groups.items():
        step = math.ceil(len(values) / MAX_POINTS)
        if step > 1:
            notes.append(f"Of {name}, each {step}th iteration is drawn.")
            values = values[::step]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(values) <= 50 else "lines",
                "name": name,
                "x": [each.iteration for each in values],
                "y": [each.value for each in values],
            }
        )
    return traces
