"""Predictions, metrics and models are those of scikit-learn."""

import sys

import numpy
import pytest
from palmerpenguins import load_penguins
from sklearn.datasets import load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skops.io import loads

from qhana_plugin_runner.authoring import Task, TaskCancelled
from qhana_plugin_runner.testing.running import InputRefused, TaskFailed

METRICS = {
    "accuracy": "accuracy",
    "balanced accuracy": "balanced_accuracy",
    "F1": "f1_macro",
}
MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def metrics_of(task):
    return {
        (row["metric"], row.get("fold")): row["value"]
        for row in task.outputs["metrics"].json()
    }


def matrix_of(task):
    rows = task.outputs["confusion-matrix"].json()
    names = list(dict.fromkeys(row["actual"] for row in rows))
    counts = {(row["actual"], row["predicted"]): row["count"] for row in rows}
    return names, [[counts[actual, guess] for guess in names] for actual in names]


def require_cross_validated(task, model, values, classes, folds, seed):
    """Compare all results with those of scikit-learn."""
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed)
    expected = cross_val_predict(model, values, classes, cv=splits)
    labels = [row["label"] for row in task.outputs["labels"].json()]
    assert labels == expected.tolist()
    names, counts = matrix_of(task)
    assert names == numpy.unique(classes).tolist()
    assert counts == confusion_matrix(classes, expected).tolist()
    found = cross_validate(
        model, values, classes, cv=splits, scoring=list(METRICS.values())
    )
    for name, scorer in METRICS.items():
        of_folds = found[f"test_{scorer}"]
        metrics = metrics_of(task)
        assert metrics[name, None] == pytest.approx(of_folds.mean())
        for fold, value in enumerate(of_folds, 1):
            assert metrics[name, fold] == pytest.approx(value)
    saved = loads(task.outputs["model"].content, trusted=["sklearn.tree._tree.Tree"])
    model.fit(values, classes)
    assert (saved["pipeline"].predict(values) == model.predict(values)).all()
    return saved


@pytest.fixture
def put(fake_data_server):
    return lambda frame: fake_data_server.put(frame.to_csv(index_label="ID"), "x.csv")


@pytest.mark.parametrize(
    "method, classifier, options",
    [
        (
            "logistic regression",
            LogisticRegression(C=0.3, max_iter=1000),
            {"regularization": 0.3},
        ),
        ("SVM", SVC(C=2), {"regularization": 2}),
        ("SVM", SVC(kernel="linear"), {"kernel": "linear"}),
        (
            "random forest",
            RandomForestClassifier(7, random_state=5),
            {"trees": 7},
        ),
    ],
)
def test_penguins(run_plugin, put, method, classifier, options):
    penguins = load_penguins().dropna()
    task = run_plugin(
        "classify",
        entities=put(penguins),
        label="species",
        attributes=MEASURES,
        method=method,
        folds=4,
        seed=5,
        **options,
    )
    model = make_pipeline(StandardScaler(), classifier)
    values, classes = penguins[MEASURES].to_numpy(), penguins.species.to_numpy(str)
    saved = require_cross_validated(task, model, values, classes, folds=4, seed=5)
    assert saved["attributes"] == MEASURES
    assert saved["classes"] == ["Adelie", "Chinstrap", "Gentoo"]
    assert saved["label"] == "species"
    assert task.outputs["model"].name == "model.skops"


def test_numbers_as_labels_in_a_file_of_their_own(run_plugin, put, fake_data_server):
    wine = load_wine(as_frame=True)
    kinds = [
        {"ID": str(number), "href": "", "label": int(kind)}
        for number, kind in enumerate(wine.target)
    ]
    task = run_plugin(
        "classify",
        entities=put(wine.data),
        labels=fake_data_server.put(kinds[::-1], "labels.json"),
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    saved = require_cross_validated(
        task, model, wine.data.to_numpy(), wine.target.to_numpy(), folds=5, seed=0
    )
    assert saved["classes"] == [0, 1, 2]
    assert saved["attributes"] == list(wine.data.columns)


def test_test_entities(run_plugin, put):
    iris = load_iris(as_frame=True)
    frame = iris.data.assign(kind=iris.target)  # a number, but none to learn from
    train, test = frame[::2], frame[1::2]
    task = run_plugin(
        "classify",
        entities=put(train),
        test_entities=put(test),
        label="kind",
        method="SVM",
    )
    model = make_pipeline(StandardScaler(), SVC())
    model.fit(train[iris.feature_names].to_numpy(), train.kind.to_numpy(str))
    expected = model.predict(test[iris.feature_names].to_numpy())
    rows = task.outputs["labels"].json()
    assert [row["label"] for row in rows] == expected.tolist()
    assert [row["ID"] for row in rows] == [str(each) for each in test.index]
    names, counts = matrix_of(task)
    known = test.kind.to_numpy(str)
    assert counts == confusion_matrix(known, expected).tolist()
    metrics = metrics_of(task)
    assert metrics["test accuracy", None] == pytest.approx((known == expected).mean())
    assert ("accuracy", 5) in metrics


def test_a_class_that_is_only_in_the_test_entities(run_plugin, put):
    iris = load_iris(as_frame=True)
    frame = iris.data.assign(label=iris.target_names[iris.target])
    task = run_plugin(
        "classify", entities=put(frame[:100]), test_entities=put(frame[90:])
    )
    assert matrix_of(task)[0] == ["versicolor", "virginica"]
    metrics = metrics_of(task)
    assert metrics["test accuracy", None] == pytest.approx(10 / 60)
    assert metrics["test balanced accuracy", None] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "inputs, message",
    [
        (
            {"label": "kind", "attributes": ["year"]},
            "No entity has the attribute 'kind'. Did you mean 'island'? There are: ID,",
        ),
        (
            {"label": "sex", "attributes": ["year"]},
            "The entity '3' has no value for 'sex', its label",
        ),
        ({"label": "species"}, "The entity '3' has no value for 'bill_length_mm'"),
        (
            {"label": "species", "attributes": ["species"]},
            "'species' is the label: leave",
        ),
        (
            {"label": "species", "attributes": ["sex"]},
            "'sex' of the entity '0' is 'male'",
        ),
        ({"label": "name", "attributes": ["year"]}, "'name' has 344 different values"),
        (
            {"label": "species", "attributes": ["year"], "folds": 69},
            "69 folds need 69 entities of each class, and 'Chinstrap' has 68",
        ),
    ],
)
def test_what_does_not_fit_is_told(run_plugin, put, inputs, message):
    penguins = load_penguins().assign(name=range(344))
    with pytest.raises(TaskFailed) as error:
        run_plugin("classify", entities=put(penguins), **inputs)
    assert message in error.value.task.log


def test_labels_that_are_missing_or_all_the_same_are_told(
    run_plugin, put, fake_data_server
):
    iris = load_iris(as_frame=True).data
    rows = [{"ID": str(number), "label": "a"} for number in range(150)]
    for labels, message in (
        (rows, "All entities have the same value for 'label'"),
        (rows[:9], "The entity '9' has no value for 'label', its label"),
    ):
        url = fake_data_server.put(labels, "labels.json")
        with pytest.raises(TaskFailed) as error:
            run_plugin("classify", entities=put(iris), labels=url)
        assert message in error.value.task.log


def test_the_form_refuses(run_plugin, put):
    with pytest.raises(InputRefused) as error:
        run_plugin(
            "classify", entities=put(load_penguins()), folds=1, regularization=0, label=""
        )
    assert error.value.errors.keys() == {"folds", "regularization", "label"}


class Impatient(Task):
    """A task that is canceled after some looks at it."""

    def __init__(self, looks):
        super().__init__()
        self.looks = looks

    @property
    def cancelled(self):
        self.looks -= 1
        return self.looks < 0


@pytest.mark.parametrize("looks", [20, 152])
def test_it_stops_when_asked(app, looks):
    (plugin,) = app.extensions["qhana_plugins"].versions_of("classify")
    function = sys.modules[type(plugin).__module__].classify
    iris = load_iris(as_frame=True).frame.to_dict("records")
    rows = [{"ID": number, **row} for number, row in enumerate(iris)]
    with pytest.raises(TaskCancelled):
        function(Impatient(looks), rows, label="target")
    assert function(Impatient(200), rows, label="target")


def test_test_entities_that_do_not_fit_are_told_before_the_work(app):
    (plugin,) = app.extensions["qhana_plugins"].versions_of("classify")
    function = sys.modules[type(plugin).__module__].classify
    rows = [{"ID": number, "x": number, "label": number % 2} for number in range(10)]
    for test, message in (
        ([{"ID": "t", "y": 1}], "no attribute 'x'"),
        ([{"ID": "t", "x": 1}], "No entity has the attribute 'label'"),
    ):
        task = Impatient(25)  # fewer looks than the folds need
        with pytest.raises(ValueError, match=message):
            function(task, rows, test_entities=test, folds=5)
        assert task.looks > 10
