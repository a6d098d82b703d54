"""How good predictions are."""

from typing import Any


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
