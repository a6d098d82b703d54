"""Maps entities with many attributes to points in few dimensions."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from qhana_plugin_runner.authoring import Entities, Field, Output, Task, plugin, to_points

MOST = {"MDS": 3_000, "t-SNE": 20_000}
"""How many entities a method takes: MDS compares all pairs, t-SNE takes hours."""

STARTS = 4
"""MDS begins so often, and keeps the best."""


@plugin(
    version="v1.0.0",
    tags=["learning", "dimension-reduction"],
    outputs={
        "points": "entity/vector",
        "metrics": Output("custom/metrics", "application/json"),
    },
    requirements=["scikit-learn >=1.6"],
)
def reduce_dimensions(
    task: Task,
    entities: Annotated[Entities, Field(data_type="entity/*")],
    method: Literal["PCA", "MDS", "t-SNE"] = "PCA",
    dimensions: Annotated[int, Field(ge=1, le=1_000)] = 2,
    attributes: Annotated[Sequence[str], Field(attributes_of="entities")] = (),
    perplexity: Annotated[float, Field(gt=0)] = 30,
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0,
) -> dict[str, Any]:
    """Maps entities with many attributes to points in few dimensions, for plots or learning.

    Attributes with large values count more than others: scale them first, with the
    plugin *scale*.

    The points have the attributes `dim0`, `dim1`, ... The metrics measure what is lost: for PCA, the
    share of the variance that each dimension explains; for MDS, Kruskal's stress; for t-SNE, the
    Kullback-Leibler divergence.

    For example, with PCA and 1 dimension, these entities

    | ID | length | width |
    | --- | --- | --- |
    | a | 1 | 2 |
    | b | 2 | 4 |
    | c | 3 | 6 |

    become these points, which explain all of the variance:

    | ID | dim0 |
    | --- | --- |
    | a | -2.24 |
    | b | 0 |
    | c | 2.24 |

    Args:
        entities: The entities. An entity without a value for one of the attributes is an error.
        method: `PCA` projects onto the directions in which the entities differ most, and handles
            millions of entities. `MDS` preserves the distances between all pairs of at most 3,000
            entities. `t-SNE` keeps neighbors together, for at most 20,000 entities.
        dimensions: The number of dimensions of the points; at most 3 for t-SNE.
        attributes: The attributes to use; by default, all numeric attributes.
        perplexity: For t-SNE: the approximate number of neighbors of an entity.
        seed: MDS and t-SNE start with random points; the same seed gives the same result.
    """
    points = to_points(task.track(entities, unit="entities"), attributes)
    count, width = points.values.shape
    if count > MOST.get(method, count):
        raise ValueError(
            f"{method} takes at most {MOST[method]:,} entities, and these are {count:,}: choose "
            "PCA, or take a part of the entities."
        )
    if (points.values == points.values[0]).all():
        raise ValueError(
            "All entities have the same values: there is no direction in which they differ."
        )
    task.log(f"{count} entities, attributes: {', '.join(points.attributes)}")
    if method == "PCA":
        values, metrics = pca(points.values, dimensions, seed)
    elif method == "MDS":
        values, metrics = mds(task, points.values, dimensions, seed)
    else:
        values, metrics = t_sne(points.values, dimensions, perplexity, seed)
    name, value = next(iter(metrics.items()))
    task.log(f"{name[0].upper()}{name[1:]}: {value:.3f}")
    names = list(dimension_names(values.shape[1]))
    return {
        "points": points._replace(attributes=names, values=values).to_entities(),
        "metrics": [{"metric": name, "value": value} for name, value in metrics.items()],
    }


def dimension_names(count: int) -> Iterator[str]:
    """Return names that have the order of their numbers as texts, too: ``dim00`` to ``dim10``."""
    digits = len(str(count - 1))
    return (f"dim{number:0{digits}}" for number in range(count))


def pca(values, dimensions: int, seed: int):
    from sklearn.decomposition import PCA

    if dimensions > min(values.shape):
        raise ValueError(
            f"PCA finds at most {min(values.shape)} dimensions here, as there are "
            f"{values.shape[1]} attributes and {values.shape[0]} entities: choose fewer than "
            f"{dimensions}."
        )
    model = PCA(dimensions, random_state=seed).fit(values)
    explained = model.explained_variance_ratio_
    metrics = {"explained variance": explained.sum()}
    for name, share in zip(dimension_names(dimensions), explained):
        metrics[f"explained variance of {name}"] = share
    return model.transform(values), metrics


def mds(task: Task, values, dimensions: int, seed: int):
    from numpy.random import RandomState
    from sklearn.manifold import smacof
    from sklearn.metrics import pairwise_distances

    distances = pairwise_distances(values)
    random = RandomState(seed)
    starts = (
        smacof(
            distances,
            n_components=dimensions,
            n_init=1,
            max_iter=300,
            eps=1e-6,
            random_state=random,
            normalized_stress=False,
        )
        for _ in task.track(range(STARTS), unit="starts")
    )
    best, stress = min(starts, key=lambda start: start[1])
    return best, {"stress": (2 * stress / ((distances**2).sum() or 1)) ** 0.5}


def t_sne(values, dimensions: int, perplexity: float, seed: int):
    from sklearn.manifold import TSNE

    if dimensions > 3:
        raise ValueError(
            f"t-SNE finds 1 to 3 dimensions, not {dimensions}: choose fewer."
        )
    if perplexity >= len(values):
        raise ValueError(
            f"The perplexity {perplexity:g} is not less than the number of entities, which is "
            f"{len(values)}: choose a smaller one."
        )
    # In single precision, very small and very large distances would crash the process.
    least = values.min(axis=0)
    values = (values - least) / (values.max(axis=0) - least).max()
    model = TSNE(
        dimensions,
        perplexity=perplexity,
        init="pca" if dimensions <= min(values.shape) else "random",
        random_state=seed,
    )
    return model.fit_transform(values), {
        "Kullback-Leibler divergence": model.kl_divergence_
    }
