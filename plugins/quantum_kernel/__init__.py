"""The kernel of a quantum feature map, and a support vector machine that uses it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Annotated, Any, Literal

from qhana_plugin_runner.authoring import (
    Entities,
    Field,
    Output,
    Points,
    Task,
    plugin,
    to_labels,
    to_points,
)
from qhana_plugin_runner.plugin_utils.classification import confusion_rows, metric_rows
from qhana_plugin_runner.plugin_utils.entity_marshalling import EntityError

from .circuits import feature_circuit, measured, overlap, states
from .machine import cross_validated, require_classes

MAX_ENTITIES, MAX_QUBITS = 500, 12


@plugin(
    version="v1.0.0",
    tags=["quantum", "kernel", "classification"],
    outputs={
        "kernel": Output("custom/kernel-matrix", "application/json"),
        "test-kernel": Output("custom/kernel-matrix", "application/json", required=False),
        "metrics": Output("custom/metrics", "application/json", required=False),
        "labels": Output("entity/label", required=False),
        "confusion-matrix": Output(
            "custom/confusion-matrix", "application/json", required=False
        ),
        "circuit": Output("executable/circuit", "text/x-qasm"),
    },
    requirements=["qiskit >=2.1,<3", "scikit-learn >=1.6"],
)
def quantum_kernel(
    task: Task,
    entities: Annotated[Entities, Field(data_type="entity/*")],
    label: Annotated[str, Field(label="Label attribute", attributes_of="entities")] = "",
    labels: Annotated[
        Entities | None, Field(label="File of labels", data_type="entity/label")
    ] = None,
    test_entities: Annotated[Entities | None, Field(data_type="entity/*")] = None,
    attributes: Annotated[Sequence[str], Field(attributes_of="entities")] = (),
    feature_map: Literal["angle", "Z", "ZZ", "Pauli"] = "ZZ",
    paulis: Annotated[
        Sequence[Annotated[str, Field(pattern="[IXYZ]+")]], Field(max_length=10)
    ] = ("Z", "YY"),
    repetitions: Annotated[int, Field(ge=1, le=10)] = 2,
    entanglement: Literal["full", "linear", "circular"] = "full",
    shots: Annotated[int | None, Field(ge=0, le=1_000_000)] = None,
    regularization: Annotated[float, Field(gt=0, label="Regularization C")] = 1.0,
    folds: Annotated[int, Field(ge=2, le=20)] = 5,
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0,
) -> dict[str, Any]:
    """Computes how similar entities are as quantum states, and classifies them with this kernel.

    A *feature map* is a circuit with a qubit for each attribute, which turns the numbers of an
    entity into a quantum state. The *kernel* of two entities is the fidelity of their states:
    from 0 (nothing in common) to 1 (the same state). With labels, a support vector machine
    learns from the kernel matrix. The resulting labels are its predictions: for the test
    entities, or without them, for each entity by a machine that has not seen it.

    The numbers are used as angles: first scale them **from 0 to 1** with the plugin
    `scale`. The limits are 500 entities and 12 attributes; for more, use `reduce-dimensions`.

    | ID | x | y | moon |
    | --- | --- | --- | --- |
    | a | 0.2 | 0.9 | upper |
    | b | 0.3 | 0.8 | upper |
    | c | 0.7 | 0.1 | lower |

    With the label `moon`, the kernel matrix has nine rows such as
    `{"entity_1_ID": "a", "entity_2_ID": "b", "kernel": 0.95}`.

    Args:
        entities: The entities to train with.
        label: The attribute with the classes; without it, and without a file of labels, no machine
            is trained.
        labels: A file of labels, instead of an attribute of the entities.
        test_entities: Further entities: the plugin computes their kernel with those above and
            predicts their classes. If their classes are known, the predictions are compared.
        attributes: The attributes to use, one qubit for each; by default, all numeric attributes
            except the label.
        feature_map: `angle`: a rotation (RY) for each attribute, with CNOT gates between the
            repetitions. `Z`, `ZZ`: rotations around Z for each attribute, and for each pair of
            them. `Pauli`: rotations around the products that you name.
        paulis: For the feature map `Pauli`: up to 10 products such as `X`, `ZZ` or `XYZ`.
        repetitions: How often the circuit of the feature map is repeated.
        entanglement: Which qubits are paired: each with each, neighbors, or neighbors in a ring.
        shots: How often each circuit is measured; empty or 0 computes the exact kernel.
        regularization: Smaller values tolerate more entities on the wrong side.
        folds: The number of parts for the cross-validation.
        seed: The random seed, for shots and cross-validation.
    """
    import numpy
    from sklearn.svm import SVC

    if labels is not None:
        label = label or "label"
    train = _points(task.track(entities, unit="entities"), attributes, label)
    test = test_entities and _points(test_entities, train.attributes)
    classes, test_classes = None, None
    if label:
        with_labels = [*(labels or chain(entities, test_entities or ()))]
        classes = to_labels(with_labels, train.ids, label)
        require_classes(classes)
        try:
            test_classes = test and to_labels(with_labels, test.ids, label)
        except EntityError as error:  # those of the test need not be known
            task.log(f"The predictions are not compared. {error}")
        if test_classes and type(test_classes[0]) is not type(classes[0]):
            # Numbers here, texts there, as of a CSV file.
            classes, test_classes = [*map(str, classes)], [*map(str, test_classes)]
    _warn_of_large_angles(task, train)

    random = numpy.random.default_rng(seed)
    circuit = feature_circuit(
        len(train.attributes), feature_map, paulis, repetitions, entanglement
    )
    vectors = states(task, circuit, train)
    kernel = measured(vectors @ vectors.conj().T, shots, random)
    kernel = numpy.triu(kernel) + numpy.triu(kernel, 1).T  # each pair is measured once
    made = {"kernel": _rows(kernel, train, train)}
    test_kernel = None
    if test:
        overlaps = states(task, circuit, test) @ vectors.conj().T
        test_kernel = measured(overlaps, shots, random)
        made["test-kernel"] = _rows(test_kernel, test, train)
    made["circuit"] = overlap(circuit, train.values[0], train.values[-1])
    if classes is None:
        return made

    machine = SVC(kernel="precomputed", C=regularization)
    predicted, metrics = cross_validated(task, machine, kernel, classes, folds, seed)
    ids, actual = train.ids, classes
    if test:
        predicted = machine.fit(kernel, classes).predict(test_kernel).tolist()
        ids, actual = test.ids, test_classes
        metrics += metric_rows(actual, predicted, "test ") if actual else []
    for each in metrics:
        if "fold" not in each:
            task.log(f"{each['metric']}: {each['value']:.3f}")
    pairs = zip(ids, predicted)
    return {
        "labels": [{"ID": key, "href": "", "label": each} for key, each in pairs],
        "metrics": metrics,
        "confusion-matrix": confusion_rows(actual, predicted) if actual else None,
        **made,
    }


def _points(
    entities: Iterable[Mapping[str, Any]], attributes: Sequence[str], label: str = ""
) -> Points:
    """Read points that can be simulated."""
    points = to_points(_not_too_many(entities), attributes, without=[label])
    if len(points.attributes) > MAX_QUBITS:
        raise ValueError(
            f"There are {len(points.attributes)} attributes of numbers, and one qubit for each: "
            f"name at most {MAX_QUBITS} of them, or reduce the dimensions of the entities first."
        )
    for key, count in Counter(points.ids).items():
        if count > 1:
            raise ValueError(
                f"There are {count} entities with the ID {key!r}: rename them."
            )
    return points


def _not_too_many(entities: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for number, row in enumerate(entities):
        if number == MAX_ENTITIES:
            raise ValueError(
                f"There are more than {MAX_ENTITIES} entities, and the kernel has a value for each "
                "pair of them: split the file, or select fewer."
            )
        yield row


def _warn_of_large_angles(task: Task, points: Points) -> None:
    for name, column in zip(points.attributes, points.values.T):
        if (span := column.max() - column.min()) > 6.28:
            task.log(
                f"{name!r} spans {span:.4g}, and angles repeat at 6.28: scale it to 0..1 first."
            )


def _rows(kernel: Any, rows: Points, columns: Points) -> Iterator[dict[str, Any]]:
    for first, values in zip(rows.ids, kernel):
        for second, value in zip(columns.ids, values):
            yield {"entity_1_ID": first, "entity_2_ID": second, "kernel": value}
