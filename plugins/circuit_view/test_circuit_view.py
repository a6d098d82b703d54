"""Tests of the plugin circuit-view: against drawings that Qiskit makes of the circuits themselves."""

import re
import sys
from base64 import b64decode
from threading import Semaphore
from xml.etree import ElementTree

import pytest
from qiskit import QuantumCircuit, qasm2, qasm3

from qhana_plugin_runner.testing.running import TaskFailed

from . import MAX_BYTES
from .drawing import MAX_GATES, MAX_QUBITS, CircuitError, draw, read

circuit_view = sys.modules[draw.__module__.rpartition(".")[0]]

UI = "/plugins/circuit-view@v1-0-0/ui/"
V2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
V3 = '// a comment\nOPENQASM 3.0;\ninclude "stdgates.inc";\n'


@pytest.fixture(scope="module")
def circuit():
    circuit = QuantumCircuit(3, 3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.u(0.1, 0.2, 0.3, 2)
    circuit.barrier()
    circuit.measure([0, 1, 2], [0, 1, 2])
    return circuit


def pictures(page):
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', page)
    return [b64decode(each).decode("utf-8") for each in found]


def test_the_page_draws_at_once_and_the_task_leaves_files(run_plugin, circuit):
    url = run_plugin.data.put(qasm2.dumps(circuit), "bell.qasm")
    page = run_plugin.client.get(UI, query_string={"data-url": url}).text
    (svg,) = pictures(page)
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert str(circuit.draw("text", fold=120)) in page
    title = "Circuit with 3 qubits: 3 measure, 1 h, 1 cx, 1 u, 1 barrier"
    assert f'alt="{title}"' in page

    task = run_plugin("circuit-view", data=url)
    drawing = task.outputs["circuit-drawing"]
    assert (drawing.name, drawing.content_type) == (
        "circuit-drawing.svg",
        "image/svg+xml",
    )
    assert drawing.text == svg
    assert pictures(task.outputs["circuit-page"].text) == [svg]


def test_openqasm_3_is_drawn(run_plugin):
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    url = run_plugin.data.put(qasm3.dumps(circuit), "if.qasm")
    page = run_plugin.client.get(UI, query_string={"data": url, "columns": 10}).text
    assert len(pictures(page)) == 1
    assert str(circuit.draw("text", fold=120)) in page.replace("&gt;", ">")


def test_both_languages_and_gates_of_old_libraries_are_read(circuit):
    assert read(qasm2.dumps(circuit)) == circuit
    assert read("/* OPENQASM 2 */" + qasm3.dumps(circuit)).count_ops()["cx"] == 1
    gates = "p(1) q[0];\nrzz(1) q[0],q[1];\nsx q[0];\ncu1(1) q[0],q[1];\n"
    assert read(f"{V2}qreg q[2];\n{gates}").size() == 4
    assert read("gate h a { U(0,0,0) a; }\nqreg q[1];\nh q[0];").size() == 1


@pytest.mark.parametrize(
    "qasm, reason",
    [
        (f"{V2}qreg q[2];\nh q[5];", "Line 4 of the circuit: index 5 is out-of-range"),
        (f"{V2}qreg q[2];\nfoo q[0];", "Line 4 of the circuit: 'foo' is not defined"),
        (f"{V3}qubit[2] q;\nfoo q[0];", "Line 5 of the circuit: gate 'foo' is not def"),
        (f"{V3}qubit[2 q;", "Line 4 of the circuit: 'q' is not understood."),
        (f"{V3}\n@", "Line 5 of the circuit: .*"),
        ("<html>", "Line 1 of the circuit: .*"),
        (
            'OPENQASM 2.0;\ninclude "/etc/passwd";',
            "Line 2 .* unable to find '/etc/passwd'",
        ),
        ('OPENQASM 2.0;\ninclude "here.inc";', "Line 2 .* unable to find 'here.inc'"),
        ('OPENQASM 3.0;\ninclude "here.inc";', "Line 2 .* non-stdgates imports"),
    ],
)
def test_a_circuit_that_cannot_be_read_is_told_with_its_line(
    qasm, reason, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.inc").write_text("gate mine a { U(0,0,0) a; }")
    with pytest.raises(CircuitError, match=reason):
        read(qasm)


@pytest.mark.parametrize(
    "qasm, reason",
    [
        ("", "no qubits"),
        (f"{V2}qreg q[{MAX_QUBITS + 1}];", "51 qubits, 0 bits and 0 gates; at most 50"),
        (f"{V2}qreg q[1];\n" + "h q[0];" * (MAX_GATES + 1), "1001 gates"),
        (
            f"{V3}qubit q;\nbit c;\nif (c) {{ for int i in [0:2] {{\n{'h q;' * MAX_GATES}}} }}",
            "1 qubits, 1 bits and 1002 gates",
        ),
    ],
)
def test_a_circuit_that_is_too_large_is_told(qasm, reason):
    with pytest.raises(CircuitError, match=reason):
        draw(qasm, 25)


def test_what_needs_too_much_memory_ends_alone(run_plugin):
    url = run_plugin.data.put(f"{V2}qreg q[999999999];", "huge.qasm")
    page = run_plugin.client.get(UI, query_string={"data-url": url})
    assert page.status_code == 200
    assert "The circuit is too large to be drawn." in page.text
    with pytest.raises(TaskFailed, match="too large to be drawn"):
        run_plugin("circuit-view", data=url)


def test_no_request_waits_for_long_when_others_draw(monkeypatch):
    monkeypatch.setattr(circuit_view, "SECONDS", 0.01)
    monkeypatch.setattr(circuit_view, "FEW", Semaphore(1))
    with circuit_view.FEW, pytest.raises(ValueError, match="Other circuits are being"):
        circuit_view._drawn(f"{V2}qreg q[2];", 16)
    for _ in range(2):  # who does not end in time makes room for the next
        with pytest.raises(ValueError, match="too large to be drawn"):
            circuit_view._drawn(f"{V2}qreg q[2];", 16)


def test_a_circuit_that_reached_a_limit_is_not_drawn_again(monkeypatch, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)\n")
    monkeypatch.setattr(circuit_view, "PROGRAM", program)
    first = circuit_view._drawn(f"{V2}qreg q[3];", 16)
    assert "too large to be drawn" in first
    program.unlink()
    assert circuit_view._drawn(f"{V2}qreg q[3];", 16) == first


def test_what_is_no_circuit_is_told(run_plugin):
    put = run_plugin.data.put
    with pytest.raises(TaskFailed, match="picture.qasm is no text in UTF-8"):
        run_plugin("circuit-view", data=put(b"\xff\xfe\x00", "picture.qasm"))
    with pytest.raises(TaskFailed, match="long.qasm is larger than 1 MB"):
        run_plugin("circuit-view", data=put(b" " * (MAX_BYTES + 1), "long.qasm"))
