"""A classifier whose weights are the angles of a quantum circuit."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Annotated, Any, Literal

from qhana_plugin_runner.authoring import (
    Entities,
    Field,
    Output,
    Task,
    plugin,
    to_labels,
    to_points,
)
from qhana_plugin_runner.plugin_utils.classification import metric_rows
from qhana_plugin_runner.plugin_utils.entity_marshalling import EntityError

from .model import Classifier, Loss, encoded, feature_circuit, minimize, weighted_circuit

MAX_ENTITIES, MAX_QUBITS = 5_000, 8


@plugin(
    version="v1.0.0",
    tags=["quantum", "classification"],
    outputs={
        "labels": "entity/label",
        "metrics": Output("custom/metrics", "application/json"),
        "weights": Output("custom/circuit-weights", "application/json"),
        "circuit": Output("executable/circuit", "text/x-qasm"),
    },
    requirements=["qiskit >=2.1,<3", "scikit-learn >=1.6"],
)
def variational_classifier(
    task: Task,
    entities: Annotated[Entities, Field(data_type="entity/*")],
    label: Annotated[
        str, Field(label="Label attribute", attributes_of="entities")
    ] = "label",
    labels: Annotated[
        Entities | None, Field(label="File of labels", data_type="entity/label")
    ] = None,
    test_entities: Annotated[Entities | None, Field(data_type="entity/*")] = None,
    attributes: Annotated[Sequence[str], Field(attributes_of="entities")] = (),
    feature_map: Literal["angle", "Z", "ZZ"] = "angle",
    ansatz: Literal["real amplitudes", "efficient SU2"] = "real amplitudes",
    layers: Annotated[int, Field(ge=1, le=10)] = 2,
    optimizer: Literal["COBYLA", "SPSA"] = "COBYLA",
    iterations: Annotated[int, Field(ge=1, le=2_000)] = 100,
    shots: Annotated[int | None, Field(ge=0, le=1_000_000)] = None,
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0,
) -> dict[str, Any]:
    """Trains a quantum circuit to tell classes apart.

    A *feature map* turns the numbers of an entity into the state of some qubits, one for each
    attribute. Further gates (the *ansatz*) have angles that are trained, the *weights*. Then
    the qubits are measured, and the class is the number of ones modulo the number of classes: for
    two classes, whether it is even or odd. An optimizer looks for the weights with the
    smallest loss (cross-entropy); the log and the metrics show it for each iteration.

    The numbers are used as angles: first scale them **from 0 to 1**, or to 3.14,
    with the plugin `scale`. The limits are 5,000 entities and 8 attributes.

    | ID | x | y | label |
    | --- | --- | --- | --- |
    | a | 0.1 | 0.2 | low |
    | b | 0.2 | 0.1 | low |
    | c | 0.9 | 0.8 | high |

    The resulting labels are those predicted for the test entities, or without such a file,
    for the entities themselves: `{"ID": "a", "href": "", "label": "low"}`.

    Args:
        entities: The entities to train with.
        label: The attribute with the classes.
        labels: A file of labels, instead of an attribute of the entities.
        test_entities: Further entities whose classes are predicted. If their classes are known,
            the predictions are compared.
        attributes: The attributes to use, one qubit for each; by default, all numeric attributes
            except the label.
        feature_map: `angle`: a rotation (RY) for each attribute. `Z`, `ZZ`: rotations around Z
            for each attribute, and for each pair of them.
        ansatz: `real amplitudes`: trained rotations (RY), and CNOT gates between
            neighbors. `efficient SU2`: twice as many rotations (RY and RZ).
        layers: How often the gates of the ansatz are repeated.
        optimizer: `COBYLA` evaluates the loss once per iteration. `SPSA` evaluates it twice and
            copes better with the noise of few shots.
        iterations: The maximum number of iterations. COBYLA needs at least two more than there are
            weights.
        shots: How often each circuit is measured; empty or 0 computes exact probabilities.
        seed: The random seed, for the first weights, the shots, and SPSA.
    """
    import numpy
    from qiskit import QuantumCircuit

    train = to_points(
        _not_too_many(task.track(entities, unit="entities")), attributes, without=[label]
    )
    qubits = len(train.attributes)
    test, test_classes = None, None
    if test_entities:
        test = to_points(_not_too_many(test_entities), train.attributes)
    with_labels = [*(labels or chain(entities, test_entities or ()))]
    classes = to_labels(with_labels, train.ids, label)
    try:
        test_classes = test and to_labels(with_labels, test.ids, label)
    except EntityError as error:  # they need not be known
        task.log(f"The predictions are not compared. {error}")
    if test_classes and type(test_classes[0]) is not type(classes[0]):
        # Numbers here, texts there, as of a CSV file.
        classes, test_classes = [*map(str, classes)], [*map(str, test_classes)]
    names = sorted(set(classes))
    _require_possible(qubits, names)

    random = numpy.random.default_rng(seed)
    encoder = feature_circuit(feature_map, qubits)
    trained = weighted_circuit(ansatz, qubits, layers)
    classifier = Classifier(trained, len(names), shots, random)
    states = encoded(encoder, task.track(train.values, unit="circuits"))
    loss = classifier.loss_of(states, [names.index(each) for each in classes])
    start = random.uniform(0, 2 * math.pi, trained.num_parameters)
    weights, metrics = _train(task, optimizer, loss, start, iterations, random)

    def predicted(states: Any) -> list[str]:
        probabilities = classifier.probabilities(states, weights)
        return [names[number] for number in probabilities.argmax(axis=1)]

    ids, found = train.ids, predicted(states)
    metrics += metric_rows(classes, found, "train ")
    if test:
        states = encoded(encoder, task.track(test.values, unit="circuits"))
        ids, found = test.ids, predicted(states)
        metrics += metric_rows(test_classes, found, "test ") if test_classes else []
    for each in metrics:
        if "iteration" not in each:
            task.log(f"{each['metric']}: {each['value']:.3f}")
    circuit = QuantumCircuit(qubits)
    circuit.compose(encoder.assign_parameters(train.values[0]), inplace=True)
    circuit.compose(trained.assign_parameters(weights), inplace=True)
    circuit.measure_all()
    return {
        "labels": (
            {"ID": key, "href": "", "label": each} for key, each in zip(ids, found)
        ),
        "metrics": metrics,
        "weights": {
            "attributes": train.attributes,
            "classes": names,
            "featureMap": feature_map,
            "ansatz": ansatz,
            "layers": layers,
            "weights": weights,
        },
        "circuit": circuit,
    }


def _not_too_many(entities: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for number, row in enumerate(entities):
        if number == MAX_ENTITIES:
            raise ValueError(
                f"There are more than {MAX_ENTITIES} entities, and each needs a circuit of its own: "
                "split the file, or select fewer."
            )
        yield row


def _require_possible(qubits: int, classes: Sequence[str]) -> None:
    """Refuse what cannot be simulated, or told apart."""
    if qubits > MAX_QUBITS:
        raise ValueError(
            f"There are {qubits} attributes of numbers, and one qubit for each: name at most "
            f"{MAX_QUBITS} of them, or reduce the dimensions of the entities first."
        )
    if len(classes) < 2:
        raise ValueError(
            f"All entities are of the class {classes[0]!r}: take two classes or more."
        )
    if len(classes) > qubits + 1:
        raise ValueError(
            f"There are {len(classes)} classes, and {qubits} qubits tell at most {qubits + 1}: use "
            "more attributes, or another label."
        )


def _train(
    task: Task, optimizer: str, loss: Loss, start: Any, iterations: int, random: Any
) -> tuple[Any, list[dict[str, Any]]]:
    """Return the best weights, and the loss of each iteration."""
    if optimizer == "COBYLA":
        iterations = max(
            iterations, len(start) + 2
        )  # or it has not looked at each weight
    best, best_value, rows = start, math.inf, []

    def report(weights: Any, value: float) -> None:
        nonlocal best, best_value
        if value < best_value:
            best, best_value = weights.copy(), value
        number = len(rows) + 1
        rows.append({"metric": "loss", "iteration": number, "value": value})
        if number % max(1, iterations // 10) == 0:
            task.log(
                f"Iteration {number}: loss {value:.4f}, the best so far {best_value:.4f}"
            )
        task.set_progress(number, target=iterations, unit="iterations")

    minimize(optimizer, loss, start, iterations, random, report)
    return best, rows
