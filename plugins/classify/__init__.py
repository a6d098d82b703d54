"""Trains a classifier, and tells how good it is."""

import zipfile
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from qhana_plugin_runner.authoring import (
    Entities,
    Field,
    Output,
    Task,
    plugin,
    to_labels,
    to_points,
)
from qhana_plugin_runner.plugin_utils.classification import confusion_rows, metric_rows

from .scores import cross_validated, require_classes

MOST = {"SVM": 20_000}
"""How many entities a method takes: the time of an SVM grows with the square of their number."""


@plugin(
    version="v1.0.0",
    tags=["learning", "classification"],
    outputs={
        "labels": "entity/label",
        "metrics": Output("custom/metrics", "application/json"),
        "confusion-matrix": Output("custom/confusion-matrix", "application/json"),
        "model": Output("custom/model", "application/x-skops"),
    },
    requirements=["scikit-learn >=1.6", "skops >=0.13"],
)
def classify(
    task: Task,
    entities: Annotated[Entities, Field(data_type="entity/*")],
    label: Annotated[str, Field(min_length=1, attributes_of="entities")] = "label",
    labels: Annotated[Entities, Field(data_type="entity/label")] | None = None,
    test_entities: Annotated[Entities, Field(data_type="entity/*")] | None = None,
    method: Literal[
        "logistic regression", "SVM", "random forest"
    ] = "logistic regression",
    attributes: Annotated[Sequence[str], Field(attributes_of="entities")] = (),
    folds: Annotated[int, Field(ge=2, le=100)] = 5,
    regularization: Annotated[float, Field(gt=0, label="Regularization C")] = 1.0,
    kernel: Literal["rbf", "linear"] = "rbf",
    trees: Annotated[int, Field(ge=1, le=1_000)] = 100,
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0,
) -> dict[str, Any]:
    """Trains a classifier on entities with known classes, and evaluates it.

    The entities are divided into stratified folds. Each fold is predicted by a classifier that
    was trained on the others. The **metrics** are
    computed for each fold, and as the mean of all: *accuracy*, the share of correct predictions;
    *balanced accuracy*, the mean of this share over the classes; and *F1*, the mean of the
    harmonic means of precision and recall of the classes.

    The **labels** are the predictions, and the **confusion matrix** counts them. If there are
    test entities, both refer to them, and there are also metrics of them. The **model** is trained
    on all entities except the test entities; the plugin *predict* applies it to others. The model
    itself scales each attribute to mean 0 and standard deviation 1.

    For example, with the label `species`, these entities

    | ID | length | species |
    | --- | --- | --- |
    | a | 181 | Adelie |
    | b | 186 | Adelie |
    | c | 217 | Gentoo |
    | d | 221 | Gentoo |

    give an accuracy of 1 in 2 folds, and these predictions:

    | ID | label |
    | --- | --- |
    | a | Adelie |
    | b | Adelie |
    | c | Gentoo |
    | d | Gentoo |

    Args:
        entities: The entities. One without a value for one of the attributes is an error.
        label: The attribute with the class.
        labels: A file with the classes of the entities, by their IDs, if the entities
            themselves don't have them.
        test_entities: Entities that the model is not trained on, with their classes.
        method: `logistic regression` divides classes by planes. `SVM` divides at most 20,000
            entities as widely as possible, by planes or by curved surfaces. `random forest` lets
            many decision trees vote.
        attributes: The attributes to learn from; by default, all numeric attributes.
        folds: The number of parts for the cross-validation.
        regularization: For logistic regression and SVM: smaller values make simpler models.
        kernel: For SVM: `rbf` for curved surfaces, `linear` for planes.
        trees: For random forest: the number of trees.
        seed: Folds and trees are random; the same seed gives the same result.
    """
    from numpy import array

    points = to_points(task.track(entities, unit="entities"), attributes, without=[label])
    classes = array(to_labels(labels or entities, points.ids, label))
    require_classes(classes, folds, label)
    most = MOST.get(method, len(classes))
    if len(classes) > most:
        raise ValueError(
            f"{method} takes at most {most:,} entities, and these are {len(classes):,}: choose "
            "another method, or take a part of the entities."
        )
    task.log(f"{len(classes)} entities; attributes: {', '.join(points.attributes)}")
    if test_entities is not None:  # before the work, as they may not fit
        tracked = task.track(test_entities, unit="test entities")
        test = to_points(tracked, points.attributes)
        test_classes = array(to_labels(labels or test_entities, test.ids, label))
    model = untrained(method, regularization, kernel, trees, seed)
    predicted, metrics = cross_validated(task, model, points.values, classes, folds, seed)
    model.fit(points.values, classes)
    saved = save_model(task, model, points.attributes, label)
    if test_entities is not None:
        points, classes = test, test_classes
        predicted = model.predict(points.values)
        if classes.dtype.kind != predicted.dtype.kind:  # numbers here, texts there
            classes, predicted = classes.astype(str), predicted.astype(str)
        metrics += metric_rows(classes.tolist(), predicted.tolist(), "test ")
    for row in metrics:
        if "fold" not in row:
            task.log(f"{row['metric']}: {row['value']:.3f}")
    return {
        "labels": (
            {"ID": identifier, "href": "", "label": each}
            for identifier, each in zip(points.ids, predicted.tolist(), strict=True)
        ),
        "metrics": metrics,
        "confusion-matrix": confusion_rows(classes.tolist(), predicted.tolist()),
        "model": saved,
    }


def untrained(method: str, regularization: float, kernel: str, trees: int, seed: int):
    """Return a classifier that scales what it gets."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    if method == "logistic regression":
        classifier = LogisticRegression(C=regularization, max_iter=1_000)
    elif method == "SVM":
        classifier = SVC(C=regularization, kernel=kernel)
    else:
        classifier = RandomForestClassifier(trees, random_state=seed)
    return make_pipeline(StandardScaler(), classifier)


def save_model(task: Task, model, attributes: Sequence[str], label: str):
    """Write what the plugin predict reads; unlike a pickle, it cannot run code there."""
    from skops.io import dump

    path = task.folder / "model.skops"
    content = {
        "kind": "qhana-classifier",
        "attributes": list(attributes),
        "classes": model.classes_.tolist(),
        "label": label,
        "pipeline": model,
    }
    dump(content, path, compression=zipfile.ZIP_DEFLATED)
    return path
