"""Tests of the plugin variational-classifier: against state vectors computed without it."""

import json

import numpy
import pytest
from qiskit import qasm2
from qiskit.quantum_info import Statevector
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split

from qhana_plugin_runner.authoring import Task, TaskCancelled

from . import MAX_ENTITIES, variational_classifier

ATTRIBUTES = ["length", "width", "petal length", "petal width"]
RY = numpy.array([[[1, 0], [0, 1]], [[0, -1], [1, 0]]])


def iris(classes=(0, 1)):
    data = load_iris()
    kept = numpy.isin(data.target, classes)
    values = data.data[kept]
    values = (values - values.min(axis=0)) / (values.max(axis=0) - values.min(axis=0))
    rows = zip(values.tolist(), data.target[kept])
    return [
        {
            "ID": f"i{n}",
            "label": str(data.target_names[each]),
            **dict(zip(ATTRIBUTES, row)),
        }
        for n, (row, each) in enumerate(rows)
    ]


def rotated(vectors, qubit, angles):
    """Rotate a qubit of each vector around Y; the first qubit is the last axis, as in Qiskit."""
    cosine, sine = numpy.cos(angles / 2), numpy.sin(angles / 2)
    count, size = vectors.shape
    parts = vectors.reshape(count, size >> (qubit + 1), 2, 1 << qubit)
    zero, one = parts[:, :, 0], parts[:, :, 1]
    cosine, sine = numpy.reshape(cosine, (-1, 1, 1)), numpy.reshape(sine, (-1, 1, 1))
    both = [cosine * zero - sine * one, sine * zero + cosine * one]
    return numpy.stack(both, axis=2).reshape(count, size)


def probabilities(points, model):
    """The probability of each class: rotations of angles, and real amplitudes in between."""
    qubits, classes = points.shape[1], len(model["classes"])
    vectors = numpy.zeros((len(points), 2**qubits))
    vectors[:, 0] = 1
    for qubit in range(qubits):
        vectors = rotated(vectors, qubit, points[:, qubit])
    layers = numpy.reshape(model["weights"], (model["layers"] + 1, qubits))
    for number, layer in enumerate(layers):
        if number:
            for control in reversed(range(qubits - 1)):
                index = numpy.arange(2**qubits)
                index ^= ((index >> control) & 1) << (control + 1)
                vectors = vectors[:, index]
        for qubit, angle in enumerate(layer):
            vectors = rotated(vectors, qubit, angle)
    ones = numpy.array([bin(state).count("1") for state in range(2**qubits)]) % classes
    squares = vectors**2
    return numpy.stack(
        [squares[:, ones == k].sum(axis=1) for k in range(classes)], axis=1
    )


def values(rows):
    return numpy.array([[row[name] for name in ATTRIBUTES] for row in rows])


def test_two_classes_of_iris_are_told_apart(run_plugin):
    rows = iris()
    train, test = train_test_split(rows, test_size=0.3, random_state=0)
    put = run_plugin.data.put
    task = run_plugin(
        "variational-classifier", entities=put(train), test_entities=put(test), seed=1
    )
    model = task.outputs["weights"].json()
    assert model["classes"] == ["setosa", "versicolor"]
    assert model["attributes"] == ATTRIBUTES

    expected = probabilities(values(test), model)
    labels = [model["classes"][number] for number in expected.argmax(axis=1)]
    given = task.outputs["labels"].json()
    assert [each["ID"] for each in given] == [row["ID"] for row in test]
    assert [each["label"] for each in given] == labels
    metrics = task.outputs["metrics"].json()
    found = {each["metric"]: each["value"] for each in metrics if "iteration" not in each}
    actual = [row["label"] for row in test]
    assert found["test accuracy"] == accuracy_score(actual, labels) > 0.9
    assert numpy.isclose(
        found["test balanced accuracy"], balanced_accuracy_score(actual, labels)
    )
    assert numpy.isclose(found["test F1"], f1_score(actual, labels, average="macro"))

    losses = [each["value"] for each in metrics if "iteration" in each]
    actual = [row["label"] for row in train]
    expected = log_loss(actual, probabilities(values(train), model))
    assert numpy.isclose(min(losses), expected)
    assert [each["iteration"] for each in metrics[:3]] == [1, 2, 3]
    assert "Iteration 10: loss " in task.log

    output = task.outputs["circuit"]
    assert (output.name, output.content_type) == ("circuit.qasm", "text/x-qasm")
    assert "qreg q[" in output.text
    circuit = qasm2.loads(output.text)
    assert circuit.count_ops()["measure"] == 4
    state = Statevector(circuit.remove_final_measurements(inplace=False))
    odd = sum(
        each for state, each in state.probabilities_dict().items() if state.count("1") % 2
    )
    assert numpy.isclose(odd, probabilities(values(train[:1]), model)[0, 1])


@pytest.mark.parametrize("optimizer", ["COBYLA", "SPSA"])
def test_three_classes(optimizer):
    rows, task = iris((0, 1, 2)), Task()
    made = variational_classifier(task, rows, optimizer=optimizer, iterations=60)
    model = {**made["weights"], "weights": list(made["weights"]["weights"])}
    expected = probabilities(values(rows), model).argmax(axis=1)
    labels = [each["label"] for each in made["labels"]]
    assert labels == [model["classes"][number] for number in expected]
    losses = [each["value"] for each in made["metrics"] if "iteration" in each]
    assert len(losses) == 60
    assert min(losses) < losses[0] - 0.1


@pytest.mark.parametrize("feature_map", ["angle", "Z", "ZZ"])
@pytest.mark.parametrize("ansatz", ["real amplitudes", "efficient SU2"])
@pytest.mark.parametrize("attributes", [["length"], ["petal width", "width"]])
def test_each_circuit_can_be_trained(feature_map, ansatz, attributes):
    made = variational_classifier(
        Task(),
        iris()[::5],
        attributes=attributes,
        feature_map=feature_map,
        ansatz=ansatz,
        layers=1,
        iterations=1,
    )
    count = len(attributes) * 2 * (2 if ansatz == "efficient SU2" else 1)
    assert len(made["weights"]["weights"]) == count
    losses = [each for each in made["metrics"] if "iteration" in each]
    assert len(losses) == count + 2


def test_shots_and_seeds():
    rows = iris()[::4]
    labels = [{"ID": row["ID"], "kind": row.pop("label")} for row in rows]
    options = {"labels": labels, "label": "kind", "iterations": 5, "optimizer": "SPSA"}
    runs = [
        variational_classifier(Task(), rows, shots=shots, seed=seed, **options)["metrics"]
        for shots, seed in ((50, 1), (50, 1), (50, 2), (0, 1), (None, 1))
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2] and runs[0] != runs[3]
    assert runs[3] == runs[4]


@pytest.mark.parametrize(
    "rows, reason",
    [
        ([{"ID": "a", "x": 1, "label": "a"}], "All entities are of the class 'a'"),
        ([{"ID": "a", "x": 1}], "No entity has the attribute 'label'"),
        (
            [{"ID": k, "x": 1, "label": k} for k in "abc"],
            "3 classes, and 1 qubits tell at",
        ),
        ([{"ID": 1, "label": 0, **dict.fromkeys("abcdefghi", 1)}], "9 attributes"),
        ([{"ID": 1, "x": 1}] * (MAX_ENTITIES + 1), "more than 5000 entities"),
    ],
)
def test_what_cannot_be_trained_is_told(rows, reason):
    with pytest.raises(ValueError, match=reason):
        variational_classifier(Task(), rows)


def test_it_stops_between_iterations():
    class Impatient(Task):
        def log(self, text):
            super().log(text)
            self.cancelled = text.startswith("Iteration 20")

    task = Impatient()
    with pytest.raises(TaskCancelled):
        variational_classifier(task, iris())
    assert [line.split(":")[0] for line in task.lines] == ["Iteration 10", "Iteration 20"]


def test_the_weights_are_json(run_plugin):
    url = run_plugin.data.put(iris()[::10])
    task = run_plugin("variational-classifier", entities=url, iterations=1)
    output = task.outputs["weights"]
    assert (output.name, output.content_type) == ("weights.json", "application/json")
    assert len(json.loads(output.text)["weights"]) == 12


def test_test_entities_that_do_not_fit_are_told_before_the_training():
    rows, task = iris(), Task()
    with pytest.raises(ValueError, match="no attribute 'length'"):
        variational_classifier(task, rows, test_entities=[{"ID": "t", "x": 1}])
    assert task.lines == []


def test_classes_may_be_numbers_here_and_texts_there():
    rows = [{**row, "label": int(row["label"] == "setosa")} for row in iris()[::5]]
    texts = [{**row, "ID": f"t{row['ID']}", "label": str(row["label"])} for row in rows]
    made = variational_classifier(Task(), rows, test_entities=texts, iterations=20)
    found = {row["metric"]: row["value"] for row in made["metrics"]}
    assert found["test accuracy"] == found["train accuracy"] > 0
    assert made["weights"]["classes"] == ["0", "1"]
