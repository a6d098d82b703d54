"""Finds groups of entities that are like each other."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from qhana_plugin_runner.authoring import Entities, Field, Output, Task, plugin, to_points

from .in_parts import mini_batch_k_means
from .report import report_of

MOST = {"agglomerative": 10_000, "HDBSCAN": 100_000}
"""How many entities a method takes: these compare all pairs."""

STARTS = 10
"""K-means begins so often, and keeps the best."""


@plugin(
    version="v1.0.0",
    tags=["learning", "clustering"],
    outputs={
        "labels": "entity/label",
        "centers": "entity/vector",
        "metrics": Output("custom/metrics", "application/json"),
    },
    requirements=["scikit-learn >=1.6"],
)
def cluster(
    task: Task,
    entities: Annotated[Entities, Field(data_type="entity/*")],
    method: Literal[
        "k-means", "mini-batch k-means", "HDBSCAN", "agglomerative"
    ] = "k-means",
    clusters: Annotated[int, Field(ge=1, le=1_000)] = 3,
    attributes: Annotated[Sequence[str], Field(attributes_of="entities")] = (),
    min_cluster_size: Annotated[int, Field(ge=2)] = 5,
    linkage: Literal["ward", "complete", "average", "single"] = "ward",
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0,
) -> dict[str, Any]:
    """Finds groups of similar entities, and numbers them: 0, 1, 2, ...

    Attributes with large values count more than others: scale them first, with the
    plugin *scale*.

    The results are the **labels**, which name the cluster of each entity (*entity-join* adds them
    to the entities); the **centers**, which are the means of the clusters; and **metrics**: the
    inertia (the sum of the squared distances to the centers; small if clusters are tight), the
    silhouette (from -1 to 1; large if clusters are well separated; of at most 2,000 entities), and
    the sizes.

    For example, 2 clusters of these entities

    | ID | length |
    | --- | --- |
    | a | 1.0 |
    | b | 1.2 |
    | c | 7.1 |

    are these labels:

    | ID | label |
    | --- | --- |
    | a | 0 |
    | b | 0 |
    | c | 1 |

    Args:
        entities: The entities. An entity without a value for one of the attributes is an error.
        method: `k-means` finds round clusters of similar size. `mini-batch k-means` does the same
            for files of any size, which it reads in batches. `HDBSCAN` finds dense regions of any
            shape, and their number; entities between them are noise and get the label -1.
            `agglomerative` repeatedly merges the nearest clusters, of at most 10,000
            entities.
        clusters: How many clusters to find; HDBSCAN determines the number itself.
        attributes: The attributes to use; by default, all numeric attributes.
        min_cluster_size: For HDBSCAN: the size of the smallest cluster.
        linkage: For agglomerative clustering, how distances are measured: `ward` keeps the inertia
            small; the others use the largest, mean, or smallest distance between two entities.
        seed: K-means starts with random centers; the same seed gives the same result.
    """
    if method == "mini-batch k-means":
        return mini_batch_k_means(task, entities, clusters, attributes, seed)
    points = to_points(task.track(entities, unit="entities"), attributes)
    count = len(points.ids)
    most = MOST.get(method, count)
    if count > most:
        raise ValueError(
            f"{method} takes at most {most:,} entities, and these are {count:,}: choose "
            "k-means or mini-batch k-means, or take a part of the entities."
        )
    least = {"HDBSCAN": min_cluster_size, "agglomerative": max(clusters, 2)}.get(
        method, clusters
    )
    if count < least:
        raise ValueError(
            f"There are {count} entities only: choose fewer clusters, or smaller ones, than "
            f"{least}."
        )
    task.log(f"{count} entities; attributes: {', '.join(points.attributes)}")
    if method == "k-means":
        labels = k_means(task, points.values, clusters, seed)
    else:
        labels = fit(method, points.values, clusters, min_cluster_size, linkage)
    return {
        "labels": (
            {"ID": identifier, "href": "", "label": label}
            for identifier, label in zip(points.ids, labels.tolist(), strict=True)
        ),
        **report_of(task, points, labels, seed),
    }


def k_means(task: Task, values, clusters: int, seed: int):
    """Return the labels of the best of several starts; between two of them it can be canceled."""
    from numpy.random import RandomState
    from sklearn.cluster import KMeans

    random = RandomState(seed)
    starts = (
        KMeans(clusters, n_init=1, random_state=random).fit(values)
        for _ in task.track(range(STARTS), unit="starts")
    )
    return min(starts, key=lambda start: start.inertia_).labels_


def fit(method: str, values, clusters: int, min_cluster_size: int, linkage: str):
    from sklearn.cluster import HDBSCAN, AgglomerativeClustering

    if method == "HDBSCAN":
        return HDBSCAN(min_cluster_size, copy=True).fit_predict(values)
    return AgglomerativeClustering(clusters, linkage=linkage).fit_predict(values)
