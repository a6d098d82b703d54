"""How well a machine that takes a kernel predicts classes."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from qhana_plugin_runner.authoring import Task


def require_classes(classes: Sequence[Any]) -> None:
    """Refuse classes that no machine can learn to tell apart."""
    rarest, count = Counter(classes).most_common()[-1]
    if len(set(classes)) < 2 or count < 2:
        raise ValueError(
            f"There are {count} entities of the class {rarest!r}: take two classes or more, with "
            "two entities or more of each."
        )


def cross_validated(
    task: Task, machine: Any, kernel: Any, classes: list[str], folds: int, seed: int
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return what is predicted for each entity by machines that have not seen it, and metrics."""
    import numpy
    from sklearn.model_selection import StratifiedKFold

    rarest, count = Counter(classes).most_common()[-1]
    if count < folds:
        task.log(f"{count} folds, as the class {rarest!r} has {count} entities.")
    actual = numpy.array(classes)
    predicted = numpy.empty_like(actual)
    splits = StratifiedKFold(min(folds, count), shuffle=True, random_state=seed)
    metrics: list[dict[str, Any]] = []
    for fold, (train, test) in enumerate(splits.split(kernel, actual), 1):
        machine.fit(kernel[numpy.ix_(train, train)], actual[train])
        predicted[test] = machine.predict(kernel[numpy.ix_(test, train)])
        for each in scores(actual[test], predicted[test]):
            metrics.append({**each, "fold": fold})
    values: dict[str, list[float]] = {}
    for row in metrics:
        values.setdefault(row["metric"], []).append(row["value"])
    means = [
        {"metric": key, "value": sum(each) / len(each)} for key, each in values.items()
    ]
    return predicted.tolist(), metrics + means


def scores(
    actual: Sequence[Any], predicted: Sequence[Any], prefix: str = ""
) -> list[dict[str, Any]]:
    """Return the metrics of a prediction."""
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    # That of the classes that are there is the balanced accuracy.
    classes = sorted(set(actual))
    values = {
        "accuracy": accuracy_score(actual, predicted),
        "balanced accuracy": recall_score(
            actual, predicted, labels=classes, average="macro"
        ),
        "F1": f1_score(actual, predicted, average="macro"),
    }
    return [{"metric": prefix + key, "value": each} for key, each in values.items()]


def confusion(actual: Sequence[Any], predicted: Sequence[Any]) -> list[dict[str, Any]]:
    """Return how often each class was taken for each."""
    counts = Counter(zip(actual, predicted))
    classes = sorted({*actual, *predicted})
    return [
        {"actual": each, "predicted": other, "count": counts[each, other]}
        for each in classes
        for other in classes
    ]
