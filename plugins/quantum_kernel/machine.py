"""How well a machine that takes a kernel predicts classes."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.plugin_utils.classification import mean_rows, metric_rows


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
        found = predicted[test].tolist()
        metrics += metric_rows(actual[test].tolist(), found, fold=fold)
    return predicted.tolist(), metrics + mean_rows(metrics)
