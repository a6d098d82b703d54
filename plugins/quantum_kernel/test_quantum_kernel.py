"""Tests of the plugin quantum-kernel: against state vectors, and classes, computed without it."""

from itertools import combinations

import numpy
import pytest
from qiskit import qasm2
from qiskit.quantum_info import Statevector
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.svm import SVC

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.testing.running import InputRefused, TaskFailed

from . import MAX_ENTITIES, MAX_QUBITS, quantum_kernel

NUMBERS = numpy.random.default_rng(7)
X, Z = numpy.array([[0, 1], [1, 0]]), numpy.diag([1, -1])
MATRICES = {"I": numpy.eye(2), "X": X, "Y": 1j * X @ Z, "Z": Z}


def entities(values, classes=None):
    rows = [
        {"ID": f"e{number}", **{f"x{i}": each for i, each in enumerate(point)}}
        for number, point in enumerate(values)
    ]
    for row, each in zip(rows, classes if classes is not None else []):
        row["class"] = each
    return rows


def matrix(made, name="kernel"):
    rows = list(made[name])
    first = list(dict.fromkeys(row["entity_1_ID"] for row in rows))
    values = [row["kernel"] for row in rows]
    return numpy.array(values).reshape(len(first), -1)


def on(gates, qubits):
    """The matrix of gates on qubits; the first qubit is the last factor, as in Qiskit."""
    whole = numpy.eye(1)
    for qubit in range(qubits):
        whole = numpy.kron(gates.get(qubit, numpy.eye(2)), whole)
    return whole


def rotation(angle, pauli, where, qubits):
    gates = {qubit: MATRICES[each] for qubit, each in zip(where, pauli)}
    return numpy.cos(angle) * on({}, qubits) - 1j * numpy.sin(angle) * on(gates, qubits)


def state(point, paulis, repetitions):
    """The state of Havlíček et al., Nature 567 (2019), with entanglement of each pair."""
    qubits = len(point)
    hadamard = on(dict.fromkeys(range(qubits), (X + Z) / 2**0.5), qubits)
    vector = numpy.eye(2**qubits)[0]
    for _ in range(repetitions):
        vector = hadamard @ vector
        for pauli in paulis:
            for where in combinations(range(qubits), len(pauli)):
                angles = [point[qubit] for qubit in where]
                angle = angles[0] if len(pauli) == 1 else numpy.pi - numpy.array(angles)
                vector = rotation(numpy.prod(angle), pauli[::-1], where, qubits) @ vector
    return vector


@pytest.mark.parametrize(
    "kind, paulis", [("Z", ["Z"]), ("ZZ", ["Z", "ZZ"]), ("Pauli", ["X", "YY", "ZXY"])]
)
@pytest.mark.parametrize("repetitions", [1, 2])
def test_the_kernel_is_that_of_state_vectors(kind, paulis, repetitions):
    train, test = NUMBERS.random((4, 3)), NUMBERS.random((2, 3))
    made = quantum_kernel(
        Task(),
        entities(train),
        test_entities=entities(test),
        feature_map=kind,
        paulis=paulis,
        repetitions=repetitions,
    )
    expected = numpy.array([state(each, paulis, repetitions) for each in train])
    others = numpy.array([state(each, paulis, repetitions) for each in test])
    assert numpy.allclose(matrix(made), abs(expected @ expected.conj().T) ** 2)
    between = abs(others @ expected.conj().T) ** 2
    assert numpy.allclose(matrix(made, "test-kernel"), between)


def test_the_kernel_of_angles_is_a_product_of_cosines():
    points = NUMBERS.random((5, 2)) * 3
    made = quantum_kernel(Task(), entities(points), feature_map="angle", repetitions=1)
    differences = points[:, None, :] - points[None, :, :]
    assert numpy.allclose(matrix(made), (numpy.cos(differences / 2) ** 2).prod(axis=2))


@pytest.mark.parametrize("entanglement", ["full", "linear", "circular"])
def test_one_attribute_and_repeated_angles(entanglement):
    points = NUMBERS.random((3, 1))
    made = quantum_kernel(
        Task(), entities(points), feature_map="angle", entanglement=entanglement
    )
    assert numpy.allclose(matrix(made), numpy.cos(points - points.T) ** 2)


def test_shots_scatter_around_the_exact_kernel():
    points = entities(NUMBERS.random((6, 2)))
    exact = quantum_kernel(Task(), points)
    measured, again = (
        quantum_kernel(Task(), points, shots=2000, seed=3) for _ in range(2)
    )
    value, share = matrix(exact), matrix(measured)
    assert (share == matrix(again)).all()
    assert (share == share.T).all() and (share.diagonal() == 1).all()
    assert (share != value).any()
    deviation = (value * (1 - value) / 2000).clip(0) ** 0.5
    assert (abs(share - value) <= 5 * deviation + 1e-9).all()


def test_the_circuit_measures_a_value_of_the_kernel(run_plugin):
    points = NUMBERS.random((3, 2))
    task = run_plugin("quantum-kernel", entities=run_plugin.data.put(entities(points)))
    output = task.outputs["circuit"]
    assert (output.name, output.data_type) == ("circuit.qasm", "executable/circuit")
    assert output.content_type == "text/x-qasm"
    assert "qreg q[" in output.text
    circuit = qasm2.loads(output.text)
    assert circuit.count_ops()["measure"] == 2
    zeros = Statevector(circuit.remove_final_measurements(inplace=False)).probabilities()
    rows = task.outputs["kernel"].json()
    assert rows[2]["entity_2_ID"] == "e2"
    assert numpy.isclose(zeros[0], rows[2]["kernel"])


def moons(count):
    from sklearn.datasets import make_moons

    points, classes = make_moons(count, noise=0.1, random_state=1)
    points = (points - points.min(axis=0)) / (points.max(axis=0) - points.min(axis=0))
    return points, numpy.array(["upper", "lower"])[classes]


def test_the_machine_predicts_what_one_outside_of_the_plugin_predicts(
    run_plugin,
):
    points, classes = moons(60)
    put = run_plugin.data.put
    task = run_plugin(
        "quantum-kernel",
        entities=put(entities(points, classes)[:40]),
        test_entities=put(entities(points, classes)[40:]),
        label="class",
    )
    states = numpy.array([state(each, ["Z", "ZZ"], 2) for each in points])
    kernel = abs(states @ states.conj().T) ** 2
    machine = SVC(kernel="precomputed").fit(kernel[:40, :40], classes[:40])
    predicted = machine.predict(kernel[40:, :40])
    labels = task.outputs["labels"].json()
    assert [each["label"] for each in labels] == list(predicted)
    assert [each["ID"] for each in labels] == [f"e{number}" for number in range(40, 60)]
    metrics = task.outputs["metrics"].json()
    folds = [each["value"] for each in metrics if each.get("fold")]
    assert len(folds) == 3 * 5
    found = {each["metric"]: each["value"] for each in metrics if "fold" not in each}
    assert numpy.isclose(found["accuracy"], numpy.mean(folds[::3]))
    assert found["test accuracy"] == accuracy_score(classes[40:], predicted)
    missed = sum(classes[40:] != predicted)
    counts = task.outputs["confusion-matrix"].json()
    off = [each["count"] for each in counts if each["actual"] != each["predicted"]]
    assert (sum(off), sum(each["count"] for each in counts)) == (missed, 20)
    expected = balanced_accuracy_score(classes[40:], predicted)
    assert numpy.isclose(found["test balanced accuracy"], expected)
    assert f"test accuracy: {found['test accuracy']:.3f}" in task.log


def test_labels_may_come_from_a_file_and_classes_may_be_numbers():
    points, classes = moons(30)
    rows = entities(points, classes == "upper")
    rows = [{**row, "class": int(row["class"])} for row in rows]
    labels = [{"ID": row["ID"], "label": row["class"]} for row in rows]
    with_attribute = quantum_kernel(Task(), rows, label="class")
    points_only = [{key: row[key] for key in ("ID", "x0", "x1")} for row in rows]
    with_file = quantum_kernel(Task(), points_only, labels=labels)
    assert with_attribute["metrics"] == with_file["metrics"]
    assert with_attribute["labels"] == with_file["labels"]


def test_the_label_is_not_learned_from_when_a_file_has_it_too():
    points, classes = moons(20)
    rows = [{**row, "label": 1} for row in entities(points)]
    labels = [{"ID": row["ID"], "label": each} for row, each in zip(rows, classes)]
    made = quantum_kernel(Task(), rows, labels=labels)
    assert made["circuit"].num_qubits == 2


def test_classes_may_be_numbers_here_and_texts_there():
    points, classes = moons(40)
    numbers = [int(each == "upper") for each in classes]
    texts = [str(each) for each in numbers]
    train, test = entities(points[:20]), entities(points)[20:]
    made = [
        quantum_kernel(
            Task(),
            [{**row, "class": each} for row, each in zip(train, known)],
            label="class",
            test_entities=[{**row, "class": each} for row, each in zip(test, others)],
        )
        for known, others in (
            (numbers, texts[20:]),
            (texts, numbers[20:]),
            (texts, texts[20:]),
        )
    ]
    for each in made:
        for name in ("labels", "metrics", "confusion-matrix"):
            assert each[name] == made[-1][name]


def test_predictions_that_cannot_be_compared_are_told():
    points, classes = moons(20)
    rows, task = entities(points, classes), Task()
    made = quantum_kernel(
        task,
        rows[:16],
        label="class",
        test_entities=[*rows[16:], {**rows[0], "ID": "t", "class": ""}],
    )
    assert len(made["labels"]) == 5
    assert made["confusion-matrix"] is None
    assert any("not compared. The entity 't' has no value" in line for line in task.lines)


@pytest.mark.parametrize(
    "rows, options, reason",
    [
        ([], {}, "no entities"),
        (
            entities(numpy.zeros((2, MAX_QUBITS + 1))),
            {},
            "13 attributes .* name at most 12",
        ),
        (entities(numpy.zeros((2, 1))), {"label": "x0"}, "No attribute"),
        (entities(numpy.zeros((MAX_ENTITIES + 1, 1))), {}, "more than 500 entities"),
        (entities([[1]]), {}, "'ZZ' rotates 2 qubits at once .*: name 2 or more"),
        (entities([[1, 2]]) * 2, {}, "2 entities with the ID 'e0'"),
        (
            entities([[1, 2], [3, 4]], ["a"]),
            {"label": "class"},
            "'e1' has no value for 'class'",
        ),
        (
            entities([[1, 2], [3, 4]], "aa"),
            {"label": "class"},
            "2 entities of the class 'a': take two",
        ),
        (
            entities(numpy.eye(3), "aab"),
            {"label": "class"},
            "1 entities of the class 'b'",
        ),
        (entities([[1, 2]]), {"attributes": ["y"]}, "There is no attribute 'y'"),
        (
            entities([[1, 2], [3, 4]], [0, 1]),
            {"label": "class", "attributes": ["x0", "class"]},
            "'class' is the label",
        ),
        *(
            (
                entities([[1, 2]]),
                {"feature_map": "Pauli", "paulis": each},
                "each attribute",
            )
            for each in ([], ["I", "II"])
        ),
    ],
)
def test_what_cannot_be_computed_is_told(rows, options, reason):
    with pytest.raises(ValueError, match=reason):
        quantum_kernel(Task(), rows, **options)


def test_hints_in_the_log():
    task = Task()
    rows = entities([[0, 1], [90, 0], [1, 0], [1, 1]], "aabb")
    quantum_kernel(task, rows, label="class")
    assert (
        "'x0' spans 90, and angles repeat at 6.28: scale it to 0..1 first." in task.lines
    )
    assert any(line.startswith("2 folds, as the class") for line in task.lines)


def test_it_stops_when_it_is_canceled(run_plugin):
    from qhana_plugin_runner.authoring import TaskCancelled

    task = Task()
    task.cancelled = True
    with pytest.raises(TaskCancelled):
        quantum_kernel(task, entities(NUMBERS.random((3, 2))))


def test_the_form_and_the_task_name_what_is_wrong(run_plugin):
    url = run_plugin.data.put(entities([[1, 2]]))
    with pytest.raises(InputRefused, match="paulis"):
        run_plugin("quantum-kernel", entities=url, paulis=["Q"])
    with pytest.raises(TaskFailed, match="no attribute 'y'"):
        run_plugin("quantum-kernel", entities=url, attributes=["y"])
    empty = run_plugin("quantum-kernel", entities=url, shots="")
    assert [row["kernel"] for row in empty.outputs["kernel"].json()] == pytest.approx([1])
