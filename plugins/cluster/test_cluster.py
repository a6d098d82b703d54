"""Clusters are those of scikit-learn."""

import sys

import numpy
import pytest
from palmerpenguins import load_penguins
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import load_iris, load_wine, make_blobs
from sklearn.metrics import adjusted_rand_score, silhouette_score

from qhana_plugin_runner.authoring import Task, TaskCancelled
from qhana_plugin_runner.testing.running import InputRefused, TaskFailed

MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


@pytest.fixture(scope="module")
def iris():
    return load_iris(as_frame=True).data


@pytest.fixture
def run(run_plugin, fake_data_server):
    def run(frame, **inputs):
        url = fake_data_server.put(frame.to_csv(index_label="ID"), "entities.csv")
        task = run_plugin("cluster", entities=url, **inputs)
        rows = task.outputs["labels"].json()
        assert [row["ID"] for row in rows] == [str(each) for each in frame.index]
        assert all(row.keys() == {"ID", "href", "label"} for row in rows)
        metrics = {row["metric"]: row["value"] for row in task.outputs["metrics"].json()}
        labels = numpy.array([row["label"] for row in rows])
        return labels, task.outputs["centers"].json(), metrics

    return run


def test_k_means(run):
    wine = load_wine(as_frame=True).data
    wine = (wine - wine.mean()) / wine.std()
    labels, centers, metrics = run(wine, clusters=3, seed=7)
    model = KMeans(3, n_init=10, random_state=7).fit(wine.to_numpy())
    assert (labels == model.labels_).all()
    found = [[row[name] for name in wine.columns] for row in centers]
    assert [row["ID"] for row in centers] == ["0", "1", "2"]
    assert numpy.allclose(found, model.cluster_centers_)
    assert metrics == {
        "clusters": 3,
        "inertia": pytest.approx(model.inertia_),
        "silhouette": pytest.approx(silhouette_score(wine, labels)),
        **{f"size of {each}": (labels == each).sum() for each in range(3)},
    }


@pytest.mark.parametrize("linkage", ["ward", "complete", "average", "single"])
def test_agglomerative(run, iris, linkage):
    labels, _, _ = run(iris, method="agglomerative", clusters=4, linkage=linkage)
    model = AgglomerativeClustering(4, linkage=linkage)
    assert (labels == model.fit_predict(iris.to_numpy())).all()


def test_hdbscan(run):
    penguins = load_penguins().dropna()
    table = penguins[MEASURES]
    table = (table - table.mean()) / table.std()
    labels, centers, metrics = run(
        table.assign(species=penguins.species), method="HDBSCAN", min_cluster_size=15
    )
    assert (labels == HDBSCAN(15, copy=True).fit_predict(table.to_numpy())).all()
    assert metrics["noise"] == (labels == -1).sum() > 0
    assert metrics["clusters"] == labels.max() + 1 == len(centers)
    known = labels >= 0
    score = silhouette_score(table[known], labels[known])
    assert metrics["silhouette"] == pytest.approx(score)
    means = [table[labels == each].mean() for each in range(labels.max() + 1)]
    found = [[row[name] for name in MEASURES] for row in centers]
    assert numpy.allclose(found, means)


def test_only_noise_has_no_centers(run, iris):
    labels, centers, metrics = run(iris[:6], method="HDBSCAN", min_cluster_size=6)
    assert set(labels) == {-1}
    assert centers == []
    assert metrics == {"clusters": 0, "inertia": 0, "noise": 6}


def test_mini_batch_k_means_finds_what_k_means_finds(run_plugin, tmp_path):
    values, kinds = make_blobs(12_000, centers=4, n_features=3, random_state=2)
    values = values[kinds.argsort()]  # so that each part is unlike the whole
    path = tmp_path / "blobs.csv"
    lines = (f"{number},{x},{y},{z}" for number, (x, y, z) in enumerate(values))
    path.write_text("\n".join(["ID,x,y,z", *lines]))
    task = run_plugin("cluster", entities=path, method="mini-batch k-means", clusters=4)
    labels = [row["label"] for row in task.outputs["labels"].json()]
    model = KMeans(4, n_init=1, random_state=0).fit(values)
    assert adjusted_rand_score(labels, model.labels_) > 0.99
    metrics = {row["metric"]: row["value"] for row in task.outputs["metrics"].json()}
    assert metrics["inertia"] == pytest.approx(model.inertia_, rel=0.01)
    assert sorted(metrics[f"size of {each}"] for each in range(4)) == sorted(
        numpy.bincount(labels)
    )
    centers = [list(row.values())[2:] for row in task.outputs["centers"].json()]
    own = (((values - numpy.array(centers)[labels]) ** 2).sum(), model.inertia_)
    assert own[0] == pytest.approx(metrics["inertia"])
    assert metrics["silhouette"] == pytest.approx(
        silhouette_score(values[::10], model.labels_[::10]), abs=0.02
    )


@pytest.mark.parametrize(
    "inputs, message",
    [
        ({"clusters": 151}, "There are 150 entities only: choose fewer"),
        ({"clusters": 151, "method": "mini-batch k-means"}, "150 entities only"),
        ({"clusters": 151, "method": "agglomerative"}, "150 entities only"),
        ({"min_cluster_size": 151, "method": "HDBSCAN"}, "150 entities only"),
        ({"attributes": ["petal"]}, "There is no attribute 'petal'"),
        (
            {"attributes": ["petal"], "method": "mini-batch k-means"},
            "There is no attribute 'petal'",
        ),
    ],
)
def test_what_does_not_fit_is_told(run, iris, inputs, message):
    with pytest.raises(TaskFailed) as error:
        run(iris, **inputs)
    assert message in error.value.task.log


@pytest.mark.parametrize("method", ["agglomerative", "HDBSCAN"])
def test_too_few_entities_for_a_method(run, iris, method):
    with pytest.raises(TaskFailed) as error:
        run(iris[:1], method=method, clusters=1)
    assert "There are 1 entities only" in error.value.task.log


def test_too_many_entities_for_a_method(run, iris):
    many = iris.loc[iris.index.repeat(67)].reset_index(drop=True)
    with pytest.raises(TaskFailed) as error:
        run(many, method="agglomerative")
    assert "takes at most 10,000 entities, and these are 10,050" in error.value.task.log


@pytest.mark.parametrize("method", ["k-means", "mini-batch k-means"])
def test_gaps_are_told(run, method):
    with pytest.raises(TaskFailed) as error:
        run(load_penguins(), method=method)
    assert "The entity '3' has no value for 'bill_length_mm'" in error.value.task.log


def test_the_form_refuses(run, iris):
    with pytest.raises(InputRefused) as error:
        run(iris, clusters=0, method="DBSCAN", seed=-1)
    assert error.value.errors.keys() == {"clusters", "method", "seed"}


class Impatient(Task):
    """A task that is canceled after some looks at it."""

    def __init__(self, looks):
        super().__init__()
        self.looks = looks

    @property
    def cancelled(self):
        self.looks -= 1
        return self.looks < 0


@pytest.mark.parametrize("method", ["k-means", "mini-batch k-means"])
@pytest.mark.parametrize("looks", [20, 155])
def test_it_stops_when_asked(app, iris, method, looks):
    (plugin,) = app.extensions["qhana_plugins"].versions_of("cluster")
    function = sys.modules[type(plugin).__module__].cluster
    rows = [{"ID": number, **row} for number, row in enumerate(iris.to_dict("records"))]
    with pytest.raises(TaskCancelled):
        function(Impatient(looks), rows, method=method)
    assert function(Impatient(1_000), rows, method=method)
