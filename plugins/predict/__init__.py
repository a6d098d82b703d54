"""Applies a model that classify has trained to other entities."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

from qhana_plugin_runner.authoring import (
    Entities,
    Field,
    File,
    Output,
    Points,
    Task,
    plugin,
    to_points,
)

from .model_file import read_model

PART = 10_000
"""How many entities are in memory."""


@plugin(
    version="v1.0.0",
    tags=["learning", "classification"],
    outputs={
        "labels": "entity/label",
        "probabilities": Output("entity/vector", required=False),
    },
    requirements=["scikit-learn >=1.6", "skops >=0.13"],
)
def predict(
    task: Task,
    entities: Annotated[Entities, Field(data_type="entity/*")],
    model: Annotated[
        File, Field(data_type="custom/model", content_types=["application/x-skops"])
    ],
) -> dict[str, Any]:
    """Predicts the classes of entities with a model that the plugin *classify* trained.

    The entities need the attributes that the model was trained on; others are ignored. The file
    may have any size, because it is read in parts.

    For example, a model that was trained on penguins predicts for

    | ID | length |
    | --- | --- |
    | x | 183 |
    | y | 219 |

    these **labels**

    | ID | label |
    | --- | --- |
    | x | Adelie |
    | y | Gentoo |

    and, unless it is an SVM, its confidence in each class, as **probabilities**:

    | ID | probability_Adelie | probability_Gentoo |
    | --- | --- | --- |
    | x | 0.98 | 0.02 |
    | y | 0.03 | 0.97 |

    Args:
        entities: The entities. An entity without a value for an attribute of the model is an error.
        model: The model. Files that `classify` can't have created are rejected.
    """
    trained = read_model(model)
    pipeline, classes = trained.pipeline, trained.classes
    task.log(
        f"The model tells {len(classes)} classes apart by the attributes "
        f"{', '.join(trained.attributes)}"
    )

    def parts() -> Iterator[Points]:
        rows = iter(task.track(entities, unit="entities"))
        while part := list(islice(rows, PART)):
            yield to_points(part, trained.attributes)

    def labels() -> Iterator[dict[str, Any]]:
        for part in parts():
            found = pipeline.predict(part.values).tolist()
            for identifier, label in zip(part.ids, found, strict=True):
                yield {"ID": identifier, "href": "", "label": label}

    def probabilities() -> Iterator[dict[str, Any]]:
        names = [f"probability_{each}" for each in classes]
        for part in parts():
            found = pipeline.predict_proba(part.values)
            yield from Points(part.ids, names, found).to_entities()

    return {
        "labels": labels(),
        "probabilities": probabilities() if trained.has_probabilities else None,
    }
