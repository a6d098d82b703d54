"""Tests of the plugin qaoa-max-cut: against networkx, all cuts, and state vectors."""

from itertools import product

import networkx
import numpy
import pytest
from qiskit import qasm2
from qiskit.quantum_info import Operator, Statevector
from scipy.linalg import expm

from qhana_plugin_runner.authoring import Task, TaskCancelled

from . import MAX_NODES, expectation, qaoa_circuit, qaoa_max_cut
from .graph import MAX_ROWS, read_graph

X, Z = numpy.array([[0, 1], [1, 0]]), numpy.diag([1, -1])


def random_graph(nodes=6, seed=1):
    graph = networkx.gnp_random_graph(nodes, 0.6, seed=seed)
    weights = numpy.random.default_rng(seed).uniform(0.5, 2, graph.number_of_edges())
    for (left, right), weight in zip(graph.edges, weights):
        graph.edges[left, right]["weight"] = float(weight)
    return networkx.relabel_nodes(graph, lambda node: f"n{node}")


def edges(graph):
    return [
        {"ID": str(number), "source": left, "target": right, "weight": weight}
        for number, (left, right, weight) in enumerate(graph.edges.data("weight"))
    ]


def matrix(graph):
    values = networkx.to_numpy_array(graph)
    rows = zip(graph.nodes, values.tolist())
    return [{"ID": node, "href": "", **dict(zip(graph.nodes, row))} for node, row in rows]


def cut_size(graph, ones):
    return networkx.cut_size(graph, ones, weight="weight")


def all_cuts(graph, nodes):
    for sides in product([0, 1], repeat=len(nodes)):
        ones = [node for node, side in zip(nodes, sides) if side]
        yield "".join(map(str, reversed(sides))), cut_size(graph, ones)


@pytest.mark.parametrize("written", [edges, matrix])
def test_the_cut_is_the_largest_of_all(run_plugin, written):
    graph = random_graph()
    url = run_plugin.data.put(written(graph))
    task = run_plugin("qaoa-max-cut", graph=url, layers=3, seed=5)
    found = {row["ID"]: row["label"] for row in task.outputs["cut"].json()}
    assert found.keys() == set(graph.nodes)
    value = cut_size(graph, [node for node, side in found.items() if side])
    cuts = dict(all_cuts(graph, nodes=list(found)))  # bits are in the order of the nodes
    assert numpy.isclose(value, max(cuts.values()))

    metrics = task.outputs["metrics"].json()
    told = {each["metric"]: each["value"] for each in metrics if "iteration" not in each}
    assert numpy.isclose(told["cut"], value)
    assert numpy.isclose(told["maximum cut"], value)
    steps = [each["value"] for each in metrics if "iteration" in each]
    assert max(steps) == told["expected cut"] > steps[0]

    (counts,) = task.outputs["counts"].json()
    assert counts.pop("ID") and counts.pop("href") == ""
    assert sum(counts.values()) == 1024
    mean = sum(cuts[bits] * count for bits, count in counts.items()) / 1024
    assert numpy.isclose(told["mean cut of the shots"], mean)
    assert abs(mean - told["expected cut"]) < 5 * numpy.std([*cuts.values()]) / 32

    output = task.outputs["circuit"]
    assert (output.name, output.content_type) == ("circuit.qasm", "text/x-qasm")
    circuit = qasm2.loads(output.text).remove_final_measurements(inplace=False)
    distribution = Statevector(circuit).probabilities_dict()
    expected = sum(share * cuts[bits] for bits, share in distribution.items())
    assert numpy.isclose(expected, told["expected cut"])


def test_the_expectation_is_that_of_exponentials_of_matrices():
    graph = random_graph(4, seed=3)
    read = read_graph(matrix(graph))
    angles = numpy.array([0.3, 0.7, 0.9, 0.2])

    def on(gate, *qubits):
        whole = numpy.eye(1)
        for qubit in range(4):
            whole = numpy.kron(gate if qubit in qubits else numpy.eye(2), whole)
        return whole

    nodes = list(graph.nodes)
    cost = sum(
        weight * (numpy.eye(16) - on(Z, nodes.index(left), nodes.index(right))) / 2
        for left, right, weight in graph.edges.data("weight")
    )
    assert numpy.allclose(numpy.diag(cost), read.cuts())
    mixer = sum(on(X, qubit) for qubit in range(4))
    state = numpy.full(16, 0.25)
    unitary = numpy.eye(16)
    for gamma, beta in zip(angles[:2], angles[2:]):
        unitary = expm(-1j * beta * mixer) @ expm(-1j * gamma * cost) @ unitary
    state = unitary @ state
    expected = (state.conj() @ cost @ state).real
    assert numpy.isclose(expectation(read.cuts(), angles), expected)
    circuit = qaoa_circuit(read, 2).assign_parameters(angles)
    hadamards = Operator.from_label("HHHH").data
    assert Operator(circuit).equiv(Operator(unitary @ hadamards))


def test_edges_without_weights_count_as_one_and_double_edges_add_up():
    rows = [{"source": 1, "target": 2}, {"source": 2, "target": 1, "weight": ""}]
    rows += [{"source": 2, "target": 2, "weight": 9}, {"source": 2, "target": 3}]
    graph = read_graph(rows)
    assert graph.nodes == ["1", "2", "3"]
    assert graph.edges == {(0, 1): 2.0, (1, 2): 1.0}
    texts = [{name: str(each) for name, each in row.items()} for row in matrix(PATH)]
    assert read_graph(texts) == read_graph(matrix(PATH))


PATH = networkx.path_graph(["a", "b", "c"])


def test_the_first_node_has_the_side_0_and_shots_follow_the_seed():
    rows = [{"source": "a", "target": "b"}, {"source": "b", "target": "c"}]
    made = [qaoa_max_cut(Task(), rows, seed=seed, shots=40) for seed in (1, 1, 2)]
    assert [each["label"] for each in made[0]["cut"]] == [0, 1, 0]
    counts = [each["counts"][0] for each in made]
    assert counts[0] == counts[1] != counts[2]


@pytest.mark.parametrize(
    "rows, reason",
    [
        ([], "There are no edges"),
        (
            [{"ID": "a", "x": 1}],
            "no list of edges .* and no matrix: the row 'a' has other",
        ),
        ([{"ID": "a", "a": 1}] * 2, "Two rows of the matrix have one ID"),
        ([{"ID": "a", "a": 1}], "nothing to cut"),
        ([{"ID": "7", "source": "a", "target": ""}], "The edge '7' has no source or no"),
        ([{"source": 1, "target": 2, "weight": "x"}], "The edge 1 has the weight 'x'"),
        ([{"ID": "a", "a": 0, "b": 1}, {"ID": "b", "a": 2, "b": 0}], "make .* symmetric"),
        (edges(random_graph(MAX_NODES + 1)), "17 nodes, and at most 16"),
        ([{"source": 1, "target": 2}] * (MAX_ROWS + 1), "more than 10,000 rows"),
        *(
            ([{"source": 1, "target": 2, "weight": each}], "is no number")
            for each in (1e308, 10**400, "1_0", "nan")
        ),
    ],
)
def test_what_is_no_graph_is_told(rows, reason):
    with pytest.raises(ValueError, match=reason):
        qaoa_max_cut(Task(), rows)


@pytest.mark.parametrize("empty", ["", None, 0])
def test_there_is_no_edge_where_a_matrix_is_empty(empty):
    rows = matrix(random_graph())
    sparse = [{key: each or empty for key, each in row.items()} for row in rows]
    assert read_graph(sparse) == read_graph(rows)
    assert len(read_graph(sparse).edges) < 15


def test_it_stops_between_iterations():
    class Impatient(Task):
        def log(self, text):
            super().log(text)
            self.cancelled = True

    task = Impatient()
    with pytest.raises(TaskCancelled):
        qaoa_max_cut(task, edges(random_graph()))
    assert len(task.lines) == 1
