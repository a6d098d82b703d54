"""K-means for files that need not fit into memory: they are read several times, in parts."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from qhana_plugin_runner.authoring import Entities, Points, Task, to_points
from qhana_plugin_runner.plugin_utils.columns import sample_of

from .report import centers, metrics, silhouette

PART = 10_000
"""How many entities are in memory."""


def mini_batch_k_means(
    task: Task, entities: Entities, clusters: int, attributes: Sequence[str], seed: int
) -> dict[str, Any]:
    """Cluster entities as scikit-learn's ``MiniBatchKMeans`` does.

    The first centers are those of a random sample of the file, as its beginning may be unlike the
    rest.
    """
    import numpy
    from sklearn.cluster import KMeans, MiniBatchKMeans

    rows, count = sample_of(task.track(entities, unit="entities (sample)"), PART, seed)
    drawn = to_points(rows, attributes)
    names = drawn.attributes
    if count < clusters:
        raise ValueError(
            f"There are {count} entities only: choose fewer than {clusters}."
        )
    task.log(f"{count} entities; attributes: {', '.join(names)}")
    start = KMeans(clusters, n_init=10, random_state=seed).fit(drawn.values)
    model = MiniBatchKMeans(
        clusters, init=start.cluster_centers_, n_init=1, reassignment_ratio=0
    )
    tracked = task.track(entities, total=count, unit="entities (learning)")
    for part in parts(tracked, names):
        model.partial_fit(part.values)

    labels = array("i")
    inertia, sizes = 0.0, numpy.zeros(clusters, int)
    tracked = task.track(entities, total=count, unit="entities (clusters)")
    for part in parts(tracked, names):
        found = model.predict(part.values)
        labels.extend(found.tolist())
        sizes += numpy.bincount(found, minlength=clusters)
        inertia -= model.score(part.values)
    apart = silhouette(drawn.values, model.predict(drawn.values), seed)
    tracked = task.track(entities, total=count, unit="entities (labels)")
    return {
        "labels": (
            {"ID": str(row["ID"]), "href": "", "label": label}
            for row, label in zip(tracked, labels, strict=True)
        ),
        "centers": centers(names, model.cluster_centers_),
        "metrics": metrics(task, sizes.tolist(), 0, inertia, apart),
    }


def parts(
    entities: Iterable[dict[str, Any]], attributes: Sequence[str]
) -> Iterator[Points]:
    rows = iter(entities)
    while part := list(islice(rows, PART)):
        yield to_points(part, attributes)
