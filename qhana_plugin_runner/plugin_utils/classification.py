"""How good predictions of classes are, in the rows that plugins exchange.

All classifiers give the same metrics by the same names, so that they can be compared. Needs
scikit-learn.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def metric_rows(
    actual: Sequence[Any], predicted: Sequence[Any], prefix: str = "", **more: int
) -> list[dict[str, Any]]:
    """Return the accuracy, the balanced accuracy and the macro F1 of predictions.

    >>> metric_rows(["a", "a", "b"], ["a", "b", "b"], "test ")[0]
    {'metric': 'test accuracy', 'value': 0.6666666666666666}

    Args:
        actual: The class of each entity.
        predicted: The class that is predicted for each.
        prefix: Begins the name of each metric.
        **more: Values of each row, such as ``fold=1``.

    Returns:
        Rows of an output of the data type ``custom/metrics``.
    """
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    # Of the classes that there are; others have no share of right predictions.
    there = sorted(set(actual))
    recall = recall_score(
        actual, predicted, labels=there, average="macro", zero_division=0
    )
    values = {
        "accuracy": accuracy_score(actual, predicted),
        "balanced accuracy": recall,
        "F1": f1_score(actual, predicted, average="macro", zero_division=0),
    }
    return [
        {"metric": prefix + name, **more, "value": float(value)}
        for name, value in values.items()
    ]


def mean_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean of each metric over the folds.

    >>> mean_rows([{"metric": "F1", "fold": n, "value": n} for n in (1, 2)])
    [{'metric': 'F1', 'value': 1.5}]

    Args:
        rows: The metrics of each fold.
    """
    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(row["metric"], []).append(row["value"])
    return [
        {"metric": name, "value": sum(each) / len(each)} for name, each in values.items()
    ]


def confusion_rows(
    actual: Sequence[Any], predicted: Sequence[Any]
) -> list[dict[str, Any]]:
    """Return how often each class is predicted for each.

    >>> confusion_rows(["a", "b"], ["a", "a"])[2:]
    [{'actual': 'b', 'predicted': 'a', 'count': 1}, {'actual': 'b', 'predicted': 'b', 'count': 0}]

    Args:
        actual: The class of each entity.
        predicted: The class that is predicted for each.

    Returns:
        Rows of an output of the data type ``custom/confusion-matrix``.
    """
    counts = Counter(zip(actual, predicted, strict=True))
    classes = sorted({*actual, *predicted})
    return [
        {"actual": one, "predicted": other, "count": counts[one, other]}
        for one in classes
        for other in classes
    ]
