"""Cuts a graph into two parts with a quantum algorithm."""

from typing import Annotated, Any

from qhana_plugin_runner.authoring import Entities, Field, Output, Task, plugin

from .graph import Graph, read_graph

MAX_NODES = 16


@plugin(
    version="v1.0.0",
    title="QAOA max cut",
    tags=["quantum", "optimization", "max-cut", "graph"],
    outputs={
        "cut": "entity/label",
        "metrics": Output("custom/metrics", "application/json"),
        "counts": "entity/vector",
        "circuit": Output("executable/circuit", "text/x-qasm"),
    },
    requirements=["qiskit >=2.1,<3", "scikit-learn >=1.6"],
)
def qaoa_max_cut(
    task: Task,
    graph: Annotated[Entities, Field(data_type="entity/*")],
    layers: Annotated[int, Field(ge=1, le=10)] = 2,
    iterations: Annotated[int, Field(ge=1, le=1_000)] = 50,
    shots: Annotated[int, Field(ge=1, le=1_000_000)] = 1024,
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0,
) -> dict[str, Any]:
    """Divides the nodes of a graph into two parts with the maximum weight between them.

    The *quantum approximate optimization algorithm* (QAOA) has a qubit for each node. Each layer
    of its circuit rotates the qubits by the weights of the edges and mixes them; an
    optimizer (COBYLA) looks for the angles with the largest expected cut. Then the circuit is
    measured, and the best measured cut is the result.

    The graph is a list of edges, or a matrix with the weight between each pair of nodes:

    | ID | source | target | weight |
    | --- | --- | --- | --- |
    | 1 | a | b | 1 |
    | 2 | b | c | 2 |

    | ID | a | b | c |
    | --- | --- | --- | --- |
    | a | 0 | 1 | 0 |
    | b | 1 | 0 | 2 |
    | c | 0 | 2 | 0 |

    For both, the best cut has the value 3, with the labels 0, 1, 0 for `a`, `b`, `c`. The metrics
    compare it with the maximum cut, which is found by trying all cuts, so the limit is 16
    nodes.

    Args:
        graph: The edges, with the attributes `source`, `target`, and, if it is not 1, `weight`; or
            the matrix, which is symmetric and may be empty where there is no edge.
        layers: The number of layers of the circuit; more layers come closer to the best cut.
        iterations: The maximum number of iterations of the optimizer, at least two more than
            there are angles (two in each layer).
        shots: How often the circuit is measured at the end. The optimizer uses exact
            expectations.
        seed: The random seed, for the shots.
    """
    import numpy

    read = read_graph(task.track(graph, unit="rows"))
    if len(read.nodes) > MAX_NODES:
        raise ValueError(
            f"The graph has {len(read.nodes)} nodes, and at most {MAX_NODES} are simulated, a qubit "
            "for each: take a part of the graph."
        )
    cuts = read.cuts()
    typical_weight = numpy.mean([abs(weight) for weight in read.edges.values()])
    angles, metrics = _optimized(task, cuts, typical_weight, layers, iterations)
    circuit = qaoa_circuit(read, layers).assign_parameters(angles)
    circuit.measure_all()
    counts = _sampled(circuit, shots, seed)
    best = max(counts, key=lambda bits: cuts[int(bits, 2)])
    measured = numpy.repeat([cuts[int(bits, 2)] for bits in counts], [*counts.values()])
    found = {
        "cut": cuts[int(best, 2)],
        "maximum cut": cuts.max(),
        "expected cut": expectation(cuts, angles),
        "mean cut of the shots": measured.mean(),
        "share of shots with the maximum cut": numpy.isclose(measured, cuts.max()).mean(),
    }
    for name, value in found.items():
        task.log(f"{name}: {value:.4g}")
    sides = [int(bit) for bit in reversed(best)]
    return {
        "cut": [
            {"ID": node, "href": "", "label": side ^ sides[0]}
            for node, side in zip(read.nodes, sides)
        ],
        "metrics": metrics
        + [{"metric": name, "value": value} for name, value in found.items()],
        "counts": [{"ID": "counts", "href": "", **counts}],
        "circuit": circuit,
    }


def qaoa_circuit(graph: Graph, layers: int) -> Any:
    """Make the circuit of Farhi, Goldstone and Gutmann (2014); its angles are parameters."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector

    angles = ParameterVector("angle", 2 * layers)
    circuit = QuantumCircuit(len(graph.nodes))
    circuit.h(circuit.qubits)
    for cost, mixer in zip(angles[:layers], angles[layers:]):
        for (left, right), weight in graph.edges.items():
            circuit.rzz(-cost * weight, left, right)
        circuit.rx(2 * mixer, circuit.qubits)
    return circuit


def expectation(cuts: Any, angles: Any) -> float:
    """Return the expected cut of the circuit with these angles.

    Its state is computed without the circuit: the gates of all edges are one diagonal, so this is a
    hundred times as fast with 16 nodes.
    """
    import numpy

    state = numpy.full(len(cuts), len(cuts) ** -0.5, complex)
    for cost, mixer in numpy.reshape(angles, (2, -1)).T:
        state *= numpy.exp(-1j * cost * cuts)
        for qubit in range(len(cuts).bit_length() - 1):
            pairs = state.reshape(-1, 2, 1 << qubit)
            turned = numpy.cos(mixer) * pairs - 1j * numpy.sin(mixer) * pairs[:, ::-1]
            state = turned.reshape(-1)
    return float(abs(state) ** 2 @ cuts)


def _optimized(
    task: Task, cuts: Any, typical_weight: float, layers: int, iterations: int
) -> tuple[Any, list[dict[str, Any]]]:
    """Return the best angles, and the expected cut of each iteration."""
    import numpy
    from scipy.optimize import minimize

    iterations = max(iterations, 2 * layers + 2)  # or COBYLA has not looked at each angle
    rows: list[dict[str, Any]] = []
    best = (-numpy.inf, None)

    def loss(angles: Any) -> float:
        nonlocal best
        value = expectation(cuts, angles)
        if value > best[0]:
            best = value, angles.copy()
        number = len(rows) + 1
        rows.append({"metric": "expected cut", "iteration": number, "value": value})
        if number % max(1, iterations // 10) == 0:
            task.log(
                f"Iteration {number}: expected cut {value:.4g}, at best {best[0]:.4g}"
            )
        task.set_progress(number, target=iterations, unit="iterations")
        return -value

    # The cost grows and the mixing fades, as in adiabatic evolution.
    ramp = (numpy.arange(layers) + 0.5) / layers
    start = numpy.concatenate([0.8 * ramp / typical_weight, 0.8 * (1 - ramp)])
    minimize(loss, start, method="COBYLA", options={"maxiter": iterations, "rhobeg": 0.2})
    return best[1], rows


def _sampled(circuit: Any, shots: int, seed: int) -> dict[str, int]:
    """Measure a circuit; the last node is the first bit."""
    from qiskit.primitives import StatevectorSampler

    job = StatevectorSampler(seed=seed).run([circuit], shots=shots)
    return dict(job.result()[0].data.meas.get_counts())
