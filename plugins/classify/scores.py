"""How good predictions are."""

from collections import Counter
from typing import Any

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.plugin_utils.classification import mean_rows, metric_rows

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
    of_folds: list[dict[str, Any]] = []
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed)
    parts = list(splits.split(values, classes))
    for fold, (train, test) in enumerate(task.track(parts, unit="folds"), 1):
        model.fit(values[train], classes[train])
        predicted[test] = model.predict(values[test])
        found = predicted[test].tolist()
        of_folds += metric_rows(classes[test].tolist(), found, fold=fold)
    return predicted, mean_rows(of_folds) + of_folds
