"""Points are those of scikit-learn."""

import numpy
import pytest
from palmerpenguins import load_penguins
from sklearn.datasets import load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.manifold import MDS, TSNE

from qhana_plugin_runner.testing.running import InputRefused, TaskFailed

NAME = "reduce-dimensions"


@pytest.fixture(scope="module")
def iris():
    return load_iris(as_frame=True).data


@pytest.fixture
def run(run_plugin, fake_data_server):
    def run(frame, **inputs):
        url = fake_data_server.put(frame.to_csv(index_label="ID"), "entities.csv")
        task = run_plugin(NAME, entities=url, **inputs)
        rows = task.outputs["points"].json()
        names = sorted(rows[0].keys() - {"ID", "href"})
        assert [row["ID"] for row in rows] == [str(each) for each in frame.index]
        values = numpy.array([[row[name] for name in names] for row in rows])
        metrics = {row["metric"]: row["value"] for row in task.outputs["metrics"].json()}
        return names, values, metrics

    return run


@pytest.mark.parametrize("dimensions", [1, 2, 11])
def test_pca(run, dimensions):
    wine = load_wine(as_frame=True).data
    names, values, metrics = run(wine, dimensions=dimensions)
    expected = PCA(dimensions).fit(wine.to_numpy())
    assert numpy.allclose(values, expected.transform(wine.to_numpy()))
    if dimensions == 11:
        assert names[1] == "dim01" and names[10] == "dim10"
    shares = expected.explained_variance_ratio_
    assert metrics["explained variance"] == pytest.approx(shares.sum())
    found = [metrics[f"explained variance of {name}"] for name in names]
    assert numpy.allclose(found, shares)


def test_pca_is_that_of_the_covariance(run, iris):
    _, values, metrics = run(iris, dimensions=4)
    found = numpy.linalg.eigvalsh(numpy.cov(iris.to_numpy().T))[::-1]
    assert numpy.allclose(values.var(axis=0, ddof=1), found)
    assert metrics["explained variance"] == pytest.approx(1)


def test_mds(run, iris):
    some = iris[::5]
    _, values, metrics = run(some, method="MDS", seed=3)
    model = MDS(n_init=4, init="random", random_state=3)
    assert numpy.allclose(values, model.fit_transform(some.to_numpy()))
    known, found = (
        numpy.linalg.norm(each[:, None] - each[None], axis=2)
        for each in (some.to_numpy(), values)
    )
    stress = numpy.sqrt(((known - found) ** 2).sum() / (known**2).sum())
    assert metrics["stress"] == pytest.approx(stress, rel=0.01)


def test_t_sne(run):
    penguins = load_penguins().dropna()[::8]
    measures = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
    _, values, metrics = run(
        penguins, method="t-SNE", attributes=measures, perplexity=5, seed=1
    )
    model = TSNE(2, perplexity=5, random_state=1)
    shifted = penguins[measures] - penguins[measures].min()
    expected = model.fit_transform((shifted / shifted.max().max()).to_numpy())
    assert numpy.allclose(values, expected)
    assert metrics == {
        "Kullback-Leibler divergence": pytest.approx(float(model.kl_divergence_))
    }


@pytest.mark.parametrize(
    "inputs, message",
    [
        (
            {"dimensions": 5},
            "at most 4 dimensions here, as there are 4 attributes and 150",
        ),
        ({"method": "t-SNE", "dimensions": 4}, "t-SNE finds 1 to 3 dimensions, not 4"),
        ({"method": "t-SNE", "perplexity": 150}, "perplexity 150 is not less than"),
        ({"attributes": ["petal"]}, "no attribute 'petal'; the entities have 'sepal le"),
    ],
)
def test_what_does_not_fit_is_told(run, iris, inputs, message):
    with pytest.raises(TaskFailed) as error:
        run(iris, **inputs)
    assert message in error.value.task.log


@pytest.mark.parametrize("scale", [1e-40, 1e40])
def test_t_sne_of_tiny_and_huge_numbers(run, iris, scale):
    found, expected = (
        run(each, method="t-SNE")[1] for each in (iris[::3] * scale, iris[::3])
    )
    assert numpy.isfinite(found).all()
    assert found.std() == pytest.approx(expected.std(), rel=0.5)


@pytest.mark.parametrize("method", ["PCA", "MDS", "t-SNE"])
@pytest.mark.parametrize("count", [1, 40])
def test_entities_that_are_all_the_same_are_told(run, iris, method, count):
    same = iris.iloc[[0] * count].reset_index(drop=True)
    with pytest.raises(TaskFailed) as error:
        run(same, method=method, dimensions=1)
    assert "All entities have the same values" in error.value.task.log


def test_too_many_entities_for_mds(run, iris):
    many = iris.loc[iris.index.repeat(21)].reset_index(drop=True)
    with pytest.raises(TaskFailed) as error:
        run(many, method="MDS")
    assert "MDS takes at most 3,000 entities, and these are 3,150" in error.value.task.log


def test_gaps_are_told(run):
    with pytest.raises(TaskFailed) as error:
        run(load_penguins())
    assert "The entity '3' has no value for 'bill_length_mm'" in error.value.task.log


def test_the_form_refuses(run, iris):
    with pytest.raises(InputRefused) as error:
        run(iris, dimensions=0, method="LDA")
    assert error.value.errors.keys() == {"dimensions", "method"}
