"""Entities with their classes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from qhana_plugin_runner.authoring import Points, to_points

MOST_CLASSES = 100


class TrainingData:
    """Reads points and their classes.

    Args:
        label: the attribute that holds the class.
        attributes: the attributes of the points.
        labels: the classes by ID, when the entities do not hold them.
    """

    def __init__(
        self,
        label: str,
        attributes: Sequence[str],
        labels: Iterable[dict[str, Any]] | None,
    ) -> None:
        if label in attributes:
            raise ValueError(
                f"{label!r} is the class: leave it out of the attributes to learn from."
            )
        self.label, self.attributes = label, attributes
        self._labels: dict[str, Any] | None = None
        if labels is not None:
            self._labels = {str(row.get("ID")): self._class_of(row) for row in labels}

    def read(self, entities: Iterable[dict[str, Any]], attributes: Sequence[str] = ()):
        """Return the points, and an array of their classes: of whole numbers, or of texts."""
        import numpy

        classes: list[Any] = []

        def without_class() -> Iterator[dict[str, Any]]:
            for row in entities:
                classes.append(self._known_class(row))
                yield {name: each for name, each in row.items() if name != self.label}

        points: Points = to_points(without_class(), attributes or self.attributes)
        if not all(type(each) is int for each in classes):
            classes = [str(each) for each in classes]
        return points, numpy.array(classes)

    def _known_class(self, row: dict[str, Any]) -> Any:
        if self._labels is None:
            return self._class_of(row)
        identifier = str(row.get("ID"))
        if identifier not in self._labels:
            raise ValueError(
                f"The file of labels has none for the entity {identifier!r}: add it, or take "
                "only entities that have one."
            )
        return self._labels[identifier]

    def _class_of(self, row: dict[str, Any]) -> Any:
        if self.label not in row:
            raise ValueError(
                f"There is no attribute {self.label!r} that holds the class: name one of "
                f"{', '.join(map(repr, row))}, or choose a file of labels."
            )
        value = row[self.label]
        if value is None or value == "":
            raise ValueError(
                f"The entity {row.get('ID')!r} has no value for {self.label!r}, which holds the "
                "class: select the entities that have one."
            )
        return value

    def require_folds(self, folds: int, classes: Any) -> None:
        """Refuse classes of which not each fold gets an entity."""
        counts = Counter(classes.tolist())
        if len(counts) > MOST_CLASSES:
            raise ValueError(
                f"{self.label!r} has {len(counts)} different values: choose an attribute with "
                f"at most {MOST_CLASSES} classes."
            )
        if len(counts) == 1:
            raise ValueError(
                f"All entities have the same value for {self.label!r}: a classifier needs "
                "two classes at least."
            )
        rarest, count = min(counts.items(), key=lambda each: each[1])
        if count < folds:
            raise ValueError(
                f"{folds} folds need {folds} entities of each class, and {rarest!r} has {count}: "
                "choose fewer folds, or leave this class out."
            )
