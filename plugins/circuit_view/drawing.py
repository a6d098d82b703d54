"""Draws a circuit: a program of its own, so that what a circuit needs is limited, and given back.

It reads ``{"qasm": ..., "fold": ...}`` and writes ``{"svg": ..., "text": ..., "title": ...}``, or
``{"error": ...}`` with a sentence for people.
"""

import json
import re
import sys
from io import StringIO
from typing import Any

MAX_QUBITS, MAX_GATES = 50, 1_000
MEMORY, SECONDS = 2 * 1024**3, 30
TOO_LARGE = "The circuit is too large to be drawn."


class CircuitError(Exception):
    """The circuit cannot be read, or is not drawn; the text says why."""


def read(qasm: str) -> Any:
    """Read a circuit in OpenQASM 2 or 3; no file is read for what it includes.

    Raises:
        CircuitError: it cannot be read; the text names the line.
    """
    comments = r"(\s|//[^\n]*\n|/\*.*?\*/)*"
    if re.match(comments + r"OPENQASM\s+3", qasm, re.S):
        return _read_3(qasm)
    from qiskit import qasm2

    try:
        return qasm2.loads(
            qasm,
            include_path=(),  # qelib1.inc is known without a path
            custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS,
        )
    except qasm2.QASM2Error as error:
        raise CircuitError(_place(error.message)) from None


def _read_3(qasm: str) -> Any:
    from openqasm3.parser import QASM3ParsingError
    from qiskit import qasm3

    try:
        return qasm3.loads(qasm)
    except qasm3.QASM3Error as error:
        raise CircuitError(_place(error.message)) from None
    except QASM3ParsingError as error:
        causes = error.__cause__.args if error.__cause__ else ()
        token = getattr(causes[0], "offendingToken", None) if causes else None
        if token is not None:
            text = f"{token.line},{token.column}: {token.text!r} is not understood"
            raise CircuitError(_place(text)) from None
        raise CircuitError(_place(str(error))) from None


def _place(message: str) -> str:
    """Return a message with its line in words.

    >>> _place("<input>:7,0: 'p' is not defined in this scope")
    "Line 7 of the circuit: 'p' is not defined in this scope."
    """
    found = re.match(r"(?:<input>:)?L?(\d+)(?:,|:C)\d+:\s*(.*)", message, re.S)
    if found is None:
        return f"The circuit cannot be read: {message.rstrip('.')}."
    return f"Line {found[1]} of the circuit: {found[2].rstrip('.')}."


def draw(qasm: str, fold: int) -> dict[str, str]:
    """Draw a circuit as a picture and as text.

    Raises:
        CircuitError: it cannot be read, or is too large.
    """
    circuit = read(qasm)
    if not circuit.num_qubits:
        raise CircuitError("The circuit has no qubits: is the file one in OpenQASM?")
    bits = max(circuit.num_qubits, circuit.num_clbits)
    gates = _gates(circuit)
    if bits > MAX_QUBITS or gates > MAX_GATES:
        raise CircuitError(
            f"The circuit has {circuit.num_qubits} qubits, {circuit.num_clbits} bits and "
            f"{gates} gates; at most {MAX_QUBITS} of these and {MAX_GATES} gates are drawn."
        )
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = (
        "circuit"  # the same picture for the same circuit
    )
    figure = circuit.draw("mpl", fold=fold)
    names = ", ".join(f"{count} {name}" for name, count in circuit.count_ops().items())
    qubits = f"{circuit.num_qubits} qubit{'s' if circuit.num_qubits > 1 else ''}"
    title = f"Circuit with {qubits}: {names or 'no gates'}"
    svg = StringIO()
    figure.savefig(svg, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = circuit.draw("text", fold=120)
    return {"svg": svg.getvalue(), "text": str(text.single_string()), "title": title}


def _gates(circuit: Any) -> int:
    """Return how many gates there are, with those within loops and conditions."""
    blocks = (
        block for each in circuit.data for block in getattr(each.operation, "blocks", ())
    )
    return int(circuit.size()) + sum(map(_gates, blocks))


def main() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    answer: dict[str, str]
    try:
        answer = draw(**json.load(sys.stdin))
    except CircuitError as error:
        answer = {"error": str(error)}
    except Exception as error:
        reason = f"Qiskit does not draw this circuit ({type(error).__name__}: {error})."
        is_large = isinstance(error, (MemoryError, RecursionError))
        answer = {"error": TOO_LARGE if is_large else reason}
    except BaseException:  # the Rust code of Qiskit panics when it gets no memory
        answer = {"error": TOO_LARGE}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
