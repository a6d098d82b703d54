"""How good predictions are."""

from collections import Counter
from typing import Any

from qhana_plugin_runner.authoring import Task

MOST_CLASSES = 100


def require_classes(classes, folds: int, label: str) -> None:
    """Refuse classes of which not each fold gets an entity."""
    counts = Counter(classes.tolist())
    if len(counts) > MOST_CLASSES:
        raise ValueError(
            f"{label!r} has {len(counts)} different values: choose an attribute with at most "
            f"{MOST_CLASSES} classes."
        )
    if len(counts) == 1:
        raise ValueError(
            f"All entities have the same value for {label!r}: a classifier needs two classes at "
            "least."
        )
    rarest, count = min(counts.items(), key=lambda each: each[1])
    if count < folds:
        raise ValueError(
            f"{folds} folds need {folds} entities of each class, and {rarest!r} has {count}: "
            "choose fewer folds, or leave this class out."
        )


def cross_validated(task: Task, model, values, classes, folds: int, seed: int):
    """Return what is predicted for each entity by a model that has not seen it, and metrics."""
    from sklearn.model_selection import StratifiedKFold

    predicted = classes.copy()
    of_folds: list[dict[str, float]] = []
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed)
    parts = list(splits.split(values, classes))
    for train, test in task.track(parts, unit="folds"):
        model.fit(values[train], classes[train])
        predicted[test] = model.predict(values[test])
        of_folds.append(scores(classes[test], predicted[test]))
    means = {name: sum(each[name] for each in of_folds) / folds for name in of_folds[0]}
    metrics = rows_of(means)
    for fold, each in enumerate(of_folds, 1):
        metrics += rows_of(each, fold=fold)
    return predicted, metrics


def rows_of(
    values: dict[str, float], prefix: str = "", **more: int
) -> list[dict[str, Any]]:
    """Return metrics as rows of an output."""
    return [
        {"metric": prefix + name, **more, "value": each} for name, each in values.items()
    ]


def scores(classes, predicted) -> dict[str, float]:
    """Return the metrics of predictions."""
    import numpy
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    there = numpy.unique(classes)
    return {
        "accuracy": float(accuracy_score(classes, predicted)),
        # Of the classes that there are; others have no share of right predictions.
        "balanced accuracy": float(
            recall_score(classes, predicted, labels=there, average="macro")
        ),
        "F1": float(f1_score(classes, predicted, average="macro", zero_division=0)),
    }


def confusion_rows(classes, predicted) -> list[dict[str, Any]]:
    """Return how often each class is predicted for each."""
    import numpy
    from sklearn.metrics import confusion_matrix

    names = numpy.unique([classes, predicted])
    counts = confusion_matrix(classes, predicted, labels=names)
    return [
        {"actual": actual, "predicted": guess, "count": int(count)}
        for actual, row in zip(names.tolist(), counts, strict=True)
        for guess, count in zip(names.tolist(), row, strict=True)
    ]
