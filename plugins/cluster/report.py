"""What clusters are like: centers and metrics."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from qhana_plugin_runner.authoring import Points, Task

SAMPLE = 2_000
"""Of how many entities the silhouette is computed, which compares all pairs."""


def report_of(task: Task, points: Points, labels: Any, seed: int) -> dict[str, Any]:
    """Return the centers and metrics of clusters; noise has a negative label."""
    clusters = [points.values[labels == label] for label in range(labels.max() + 1)]
    means = [members.mean(axis=0) for members in clusters]
    squares = [((members - mean) ** 2).sum() for members, mean in zip(clusters, means)]
    sizes = [len(members) for members in clusters]
    return {
        "centers": centers(points.attributes, means),
        "metrics": metrics(
            task,
            sizes,
            len(labels) - sum(sizes),
            float(sum(squares)),
            silhouette(points.values, labels, seed),
        ),
    }


def centers(attributes: Sequence[str], means: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Return centers as entities."""
    for label, mean in enumerate(means):
        yield {
            "ID": str(label),
            "href": "",
            **dict(zip(attributes, mean.tolist(), strict=True)),
        }


def metrics(
    task: Task,
    sizes: Sequence[int],
    noise: int,
    inertia: float,
    silhouette: float | None,
) -> list[dict[str, Any]]:
    """Return the rows of the metrics, and tell the most important ones."""
    shown = ", ".join(map(str, sizes[:10])) + (", ..." if len(sizes) > 10 else "")
    task.log(f"{len(sizes)} clusters; sizes: {shown or 'none'}; noise: {noise}")
    if silhouette is not None:
        task.log(f"Silhouette: {silhouette:.3f}")
    found: dict[str, float | None] = {
        "clusters": len(sizes),
        "inertia": inertia,
        "silhouette": silhouette,
        "noise": noise or None,
        **{f"size of {label}": size for label, size in enumerate(sizes)},
    }
    return [
        {"metric": name, "value": value}
        for name, value in found.items()
        if value is not None
    ]


def silhouette(values, labels, seed: int) -> float | None:
    """Return the mean silhouette of a sample; ``None`` where it is not defined."""
    import numpy
    from sklearn.metrics import silhouette_score

    chosen = numpy.flatnonzero(labels >= 0)
    if len(chosen) > SAMPLE:
        chosen = numpy.random.RandomState(seed).permutation(chosen)[:SAMPLE]
    if not 2 <= len(numpy.unique(labels[chosen])) < len(chosen):
        return None
    return float(silhouette_score(values[chosen], labels[chosen]))
