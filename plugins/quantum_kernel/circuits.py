"""Feature maps, and what is computed with them."""

from collections.abc import Sequence
from typing import Any

from qhana_plugin_runner.authoring import Points, Task

PAULIS = {"Z": ["Z"], "ZZ": ["Z", "ZZ"]}


def feature_circuit(
    qubits: int, kind: str, paulis: Sequence[str], repetitions: int, entanglement: str
) -> Any:
    """Make the feature map: a circuit with a parameter for each attribute."""
    from qiskit.circuit import ParameterVector
    from qiskit.circuit.library import n_local, pauli_feature_map

    if kind == "angle":
        between = "cx" if qubits > 1 else []
        layers = n_local(qubits, "ry", between, entanglement, repetitions - 1)
        return layers.assign_parameters([*ParameterVector("x", qubits)] * repetitions)
    products = PAULIS.get(kind, list(paulis))
    for each in products:
        if len(each) > qubits:
            raise ValueError(
                f"The feature map {kind!r} rotates {len(each)} qubits at once ({each}), and there "
                f"is one for each attribute: name {len(each)} or more, or use another feature map."
            )
    circuit = None
    if any(each.strip("I") for each in products):
        circuit = pauli_feature_map(qubits, repetitions, entanglement, paulis=products)
    if circuit is None or circuit.num_parameters < qubits:
        raise ValueError(
            f"The products {', '.join(products) or '(none)'} do not use each attribute: name "
            "another one, such as Z."
        )
    return circuit


def overlap(circuit: Any, left: Any, right: Any) -> Any:
    """Return the circuit that measures a kernel: the share of zeros is its value."""
    from qiskit import QuantumCircuit

    overlap = QuantumCircuit(circuit.num_qubits)
    overlap.compose(circuit.assign_parameters(left), inplace=True)
    overlap.compose(circuit.assign_parameters(right).inverse(), inplace=True)
    overlap.measure_all()
    return overlap


def states(task: Task, circuit: Any, points: Points) -> Any:
    """Return the state vector of each point, as rows."""
    import numpy
    from qiskit.quantum_info import Statevector

    values = task.track(points.values, unit="circuits")
    return numpy.array([Statevector(circuit.assign_parameters(x)).data for x in values])


def measured(overlaps: Any, shots: int | None, random: Any) -> Any:
    """Return the fidelities, exact or as the shares of shots that give zeros.

    Whether a shot gives zeros is a coin toss with the exact value, so tossing coins gives what
    simulating each pair would give, n circuits instead of n squared.
    """
    exact = (abs(overlaps) ** 2).clip(0, 1)
    return random.binomial(shots, exact) / shots if shots else exact
