"""The circuits of the classifier, how they are simulated, and how weights are found."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

Loss = Callable[[Any], float]


def feature_circuit(kind: str, qubits: int) -> Any:
    """Make the circuit that encodes an entity: with a parameter for each attribute."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector
    from qiskit.circuit.library import pauli_feature_map

    if kind == "angle":
        circuit = QuantumCircuit(qubits)
        for qubit, parameter in enumerate(ParameterVector("x", qubits)):
            circuit.ry(parameter, qubit)
        return circuit
    products = ["Z", "ZZ"] if kind == "ZZ" and qubits > 1 else ["Z"]
    return pauli_feature_map(qubits, 1, "full", paulis=products)


def weighted_circuit(kind: str, qubits: int, layers: int) -> Any:
    """Make the circuit that is trained: with a parameter for each weight."""
    from qiskit.circuit.library import n_local

    rotations = ["ry"] if kind == "real amplitudes" else ["ry", "rz"]
    pairs = ["cx"] if qubits > 1 else []
    return n_local(qubits, rotations, pairs, "reverse_linear", layers)


def encoded(circuit: Any, points: Iterator[Any]) -> Any:
    """Return the state vector of each point, as rows."""
    import numpy
    from qiskit.quantum_info import Statevector

    return numpy.array([Statevector(circuit.assign_parameters(x)).data for x in points])


class Classifier:
    """A circuit that tells classes: by how many qubits are measured as 1, modulo their number.

    For two classes that is the parity.

    Args:
        circuit: with a parameter for each weight.
        classes: their number.
        shots: how often each circuit is measured; ``None`` or 0 for exact probabilities.
        random: of NumPy, for the shots.
    """

    def __init__(
        self, circuit: Any, classes: int, shots: int | None, random: Any
    ) -> None:
        import numpy

        self.circuit, self.shots, self.random = circuit, shots, random
        ones = [state.bit_count() for state in range(2**circuit.num_qubits)]
        self._of_state = numpy.eye(classes)[numpy.array(ones) % classes]

    def probabilities(self, states: Any, weights: Sequence[float]) -> Any:
        """Return the probability of each class, for each state; as they are measured."""
        from qiskit.quantum_info import Operator

        # One matrix for all states, instead of a circuit for each of them.
        unitary = Operator(self.circuit.assign_parameters(weights)).data
        exact = abs(states @ unitary.T) ** 2 @ self._of_state
        exact /= exact.sum(axis=1, keepdims=True)
        return (
            self.random.multinomial(self.shots, exact) / self.shots
            if self.shots
            else exact
        )

    def loss_of(self, states: Any, classes: Sequence[int]) -> Loss:
        """Return the function from weights to the cross-entropy for states of these classes."""
        import numpy

        def loss(weights: Any) -> float:
            given = self.probabilities(states, weights)[range(len(classes)), classes]
            return float(-numpy.log(given.clip(1e-6)).mean())

        return loss


def minimize(
    method: str,
    loss: Loss,
    start: Any,
    iterations: int,
    random: Any,
    report: Callable[[Any, float], None],
) -> None:
    """Look for weights with a small loss.

    Args:
        method: ``COBYLA``, which evaluates the loss once in an iteration, or ``SPSA``, twice.
        loss: takes weights.
        start: the first weights.
        iterations: their largest number.
        random: of NumPy, for the directions of SPSA.
        report: takes the weights of each iteration, and their loss.
    """
    if method == "COBYLA":
        from scipy import optimize

        def reported(weights: Any) -> float:
            value = loss(weights)
            report(weights, value)
            return value

        optimize.minimize(
            reported, start, method="COBYLA", options={"maxiter": iterations}
        )
        return
    # Spall, "Implementation of the simultaneous perturbation algorithm" (1998).
    weights = start
    for step in range(1, iterations + 1):
        rate = 1.0 / (step + iterations / 10) ** 0.602
        width = 0.2 / step**0.101
        direction = random.choice([-1.0, 1.0], len(weights))
        there, back = loss(weights + width * direction), loss(weights - width * direction)
        report(weights, (there + back) / 2)
        weights = weights - rate * (there - back) / (2 * width) * direction
