"""Classes of entities, and how well a machine that takes a kernel predicts them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qhana_plugin_runner.authoring import Task


def known_classes(rows: Iterable[Mapping[str, Any]], label: str) -> dict[str, str]:
    values = ((row.get("ID"), row.get(label or "label")) for row in rows)
    return {str(key): str(each) for key, each in values if each not in (None, "")}


def classes_of(ids: Sequence[str], known: Mapping[str, str], label: str) -> list[str]:
    for key in ids:
        if key not in known:
            raise ValueError(
                f"The entity {key!r} has no {label or 'label'!r}: name the attribute that holds the "
                "classes, and select the entities that have one."
            )
    classes = [known[key] for key in ids]
    if len(set(classes)) < 2:
        raise ValueError(
            f"All entities are of the class {classes[0]!r}: take two classes or more."
        )
    return classes


def cross_validated(
    task: Task, machine: Any, kernel: Any, classes: list[str], folds: int, seed: int
) -> list[dict[str, Any]]:
    """Return the scores of each fold, and their means."""
    import numpy
    from sklearn.model_selection import StratifiedKFold

    rarest, count = Counter(classes).most_common()[-1]
    if count < folds:
        task.log(f"{rarest!r} has {count} entities, so there are not {folds} folds.")
    if count < 2:
        return []
    classes = numpy.array(classes)
    splits = StratifiedKFold(min(folds, count), shuffle=True, random_state=seed)
    rows: list[dict[str, Any]] = []
    for fold, (train, test) in enumerate(splits.split(kernel, classes), 1):
        machine.fit(kernel[numpy.ix_(train, train)], classes[train])
        predicted = machine.predict(kernel[numpy.ix_(test, train)])
        rows += [{**each, "fold": fold} for each in scores(classes[test], predicted)]
    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(row["metric"], []).append(row["value"])
    means = [
        {"metric": key, "value": sum(each) / len(each)} for key, each in values.items()
    ]
    return rows + means


def scores(actual: Any, predicted: Any, prefix: str = "") -> list[dict[str, Any]]:
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    means = precision_recall_fscore_support(
        actual, predicted, average="macro", zero_division=0
    )
    names = ("accuracy", "precision", "recall", "f1")
    values = (accuracy_score(actual, predicted), *means[:3])
    return [{"metric": prefix + name, "value": each} for name, each in zip(names, values)]
