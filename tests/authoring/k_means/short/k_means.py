"""Clusters entities: a plugin in the short form."""

from typing import Annotated

from sklearn.cluster import KMeans

from qhana_plugin_runner.authoring import Entities, Field, Task, plugin


@plugin(
    version="v0.1.0",
    tags=["clustering"],
    outputs={"clustered": "entity/list", "clusters": "entity/list"},
    requirements=["scikit-learn>=1.5"],
)
def k_means(
    task: Task,
    entities: Entities,
    clusters: Annotated[int, Field(ge=1, le=100)] = 3,
    limit: int | None = None,
) -> dict[str, object]:
    """Clusters entities by their numeric columns with k-means.

    Args:
        entities: What to cluster. Entities with gaps are left out.
        clusters: How many clusters to make.
        limit: How many of the entities to take.
    """
    rows = [row for row in entities if "NA" not in row.values()][:limit]
    names = [name for name in rows[0] if rows[0][name].replace(".", "").isdigit()]
    points = [[float(row[name]) for name in names] for row in task.track(rows)]
    fit = KMeans(clusters, n_init=10, random_state=0).fit(points)
    task.log(f"{clusters} clusters of {len(rows)} entities, inertia {fit.inertia_:.4g}.")
    return {
        "clustered": (
            {**row, "cluster": label}
            for row, label in zip(rows, fit.labels_, strict=True)
        ),
        "clusters": (
            {"ID": number, **dict(zip(names, center, strict=True))}
            for number, center in enumerate(fit.cluster_centers_)
        ),
    }
