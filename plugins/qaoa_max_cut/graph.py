"""Graphs, as lists of edges or as matrices."""

import math
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from qhana_plugin_runner.plugin_utils.attributes import parse_float

MAX_ROWS = 10_000

_KEYS = ("ID", "href")


class Graph(NamedTuple):
    """A graph without directions.

    Attributes:
        nodes: the names of the nodes.
        edges: the weight between two nodes, which are given by their numbers.
    """

    nodes: list[str]
    edges: dict[tuple[int, int], float]

    def cuts(self) -> Any:
        """Return the value of each cut; bit k of its number is the side of node k."""
        import numpy

        numbers = numpy.arange(2 ** len(self.nodes))
        values = numpy.zeros(len(numbers))
        for (left, right), weight in self.edges.items():
            values += weight * ((numbers >> left ^ numbers >> right) & 1)
        return values


def read_graph(rows: Iterable[Mapping[str, Any]]) -> Graph:
    """Read a graph from its edges, or from its matrix.

    Raises:
        ValueError: it is neither; the text says what is wrong, and where.
    """
    read = list(islice(rows, MAX_ROWS + 1))
    if len(read) > MAX_ROWS:
        raise ValueError(f"There are more than {MAX_ROWS:,} rows: take a part of them.")
    if not read:
        raise ValueError("There are no edges.")
    is_list = {"source", "target"} <= read[0].keys()
    graph = _of_edges(read) if is_list else _of_matrix(read)
    if not graph.edges:
        raise ValueError("No edge has a weight other than 0: there is nothing to cut.")
    return graph


def _of_edges(rows: list[Mapping[str, Any]]) -> Graph:
    numbers: dict[str, int] = {}
    edges: dict[tuple[int, int], float] = {}
    for count, row in enumerate(rows, 1):
        what = f"edge {row.get('ID') or count!r}"
        ends = [row.get(name) for name in ("source", "target")]
        if None in ends or "" in ends:
            raise ValueError(f"The {what} has no source or no target: name both.")
        left, right = (numbers.setdefault(str(each), len(numbers)) for each in ends)
        _add(edges, left, right, _weight(row.get("weight"), what, missing=1))
    return Graph(list(numbers), edges)


def _of_matrix(rows: list[Mapping[str, Any]]) -> Graph:
    nodes = [str(row.get("ID")) for row in rows]
    edges: dict[tuple[int, int], float] = {}
    if len(set(nodes)) < len(nodes):
        raise ValueError("Two rows of the matrix have one ID: each is to be a node.")
    for left, row in enumerate(rows):
        if {name for name in row if name not in _KEYS} != set(nodes):
            raise ValueError(
                "The graph is no list of edges (the attributes source and target are missing), and "
                f"no matrix: the row {nodes[left]!r} has other attributes than the nodes are."
            )
        for right, node in enumerate(nodes[:left]):
            what = f"weight between {nodes[left]!r} and {node!r}"
            weight = _weight(row[node], what, missing=0)
            back = _weight(rows[right][nodes[left]], what, missing=0)
            if not math.isclose(weight, back):
                raise ValueError(
                    f"The {what} differs by direction: make the matrix symmetric."
                )
            _add(edges, right, left, weight)
    return Graph(nodes, edges)


def _add(
    edges: dict[tuple[int, int], float], left: int, right: int, weight: float
) -> None:
    if left != right and weight:  # no cut is between a node and itself
        ends = min(left, right), max(left, right)
        edges[ends] = edges.get(ends, 0) + weight


def _weight(value: Any, what: str, missing: float) -> float:
    if value in (None, ""):
        return missing
    try:
        weight = parse_float(value)
    except (TypeError, ValueError):
        weight = math.nan
    if not abs(weight) < 1e150:  # sums of larger ones may be infinite
        raise ValueError(
            f"The {what} has the weight {str(value)[:40]!r}, which is no number (below 1e150)."
        )
    return weight
