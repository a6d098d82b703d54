"""Draws quantum circuits."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from functools import lru_cache
from pathlib import Path
from threading import Semaphore
from typing import Annotated

from markupsafe import Markup

from qhana_plugin_runner.authoring import Field, File, Output, Page, PluginType, plugin

from .drawing import SECONDS, TOO_LARGE

MAX_BYTES = 1024 * 1024
PROGRAM = Path(__file__).with_name("drawing.py")
FEW = Semaphore(2)  # more at once would need much memory, and none would be done sooner

BODY = Markup(
    '<div class="qhana-table-frame" tabindex="0" role="region" aria-label="{title}">'
    '<img src="data:image/svg+xml;base64,{picture}" alt="{title}" '
    'style="max-width: 100%; height: auto"></div>'
    '<details class="qhana-help"><summary>The circuit as text</summary>'
    '<pre tabindex="0">{text}</pre></details>'
)


@plugin(
    version="v1.0.0",
    type=PluginType.visualization,
    tags=["quantum", "circuit", "qasm", "qasm-2", "qasm-3"],
    outputs={
        "circuit-drawing": Output("plot", "image/svg+xml"),
        "circuit-page": Output("plot", "text/html"),
    },
    requirements=[
        "matplotlib >=3.9",
        "pylatexenc >=2.10",
        "qiskit >=2.1,<3",
        "qiskit-qasm3-import >=0.6",
    ],
)
def circuit_view(
    data: Annotated[
        File,
        Field(
            label="Circuit",
            data_type="executable/circuit",
            content_types=["text/x-qasm"],
        ),
    ],
    columns: Annotated[int, Field(ge=5, le=100)] = 16,
) -> dict[str, Page | str]:
    """Draws a quantum circuit in OpenQASM 2 or 3.

    Each qubit is a line, with its gates from left to right. The circuit is also drawn as text.
    The limits are 50 qubits and 1,000 gates. The circuit

    ```
    OPENQASM 2.0;
    include "qelib1.inc";
    qreg q[2];
    h q[0];
    cx q[0], q[1];
    ```

    becomes a picture, and this text:

    ```
         ┌───┐
    q_0: ┤ H ├──■──
         └───┘┌─┴─┐
    q_1: ─────┤ X ├
              └───┘
    ```

    Args:
        data: The circuit. It may include `qelib1.inc`, or `stdgates.inc` in OpenQASM 3; no other
            file is read.
        columns: The number of gates side by side before the drawing wraps.
    """
    if data.stat().st_size > MAX_BYTES:
        raise ValueError(f"{data.name} is larger than 1 MB: take a smaller circuit.")
    try:
        qasm = data.read_text("utf-8")
    except UnicodeDecodeError:
        raise ValueError(
            f"{data.name} is no text in UTF-8: take a file in OpenQASM."
        ) from None
    drawn = json.loads(_drawn(qasm, columns))
    if "error" in drawn:
        raise ValueError(drawn["error"])
    title = drawn["title"]
    picture = b64encode(drawn["svg"].encode("utf-8")).decode("ascii")
    body = BODY.format(title=title, picture=picture, text=drawn["text"])
    return {"circuit-page": Page(title=title, body=body), "circuit-drawing": drawn["svg"]}


@lru_cache(maxsize=16)  # a preview is often looked at again
def _drawn(qasm: str, fold: int) -> str:
    """Return what the program gives for a circuit, as JSON.

    It is a process of its own: circuits come from anybody, and what reads and draws them needs
    more time and memory than a web process should give.
    """
    names = ("PATH", "HOME", "LANG", "TMPDIR", "MPLCONFIGDIR", "SYSTEMROOT")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    if not FEW.acquire(timeout=SECONDS):
        raise ValueError("Other circuits are being drawn: try again later.")
    try:
        ended = subprocess.run(
            [sys.executable, "-P", str(PROGRAM)],
            input=json.dumps({"qasm": qasm, "fold": fold}),
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=2 * SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(TOO_LARGE) from None
    finally:
        FEW.release()
    if ended.returncode < 0:  # ended by a signal, as one of the limits was reached
        return json.dumps({"error": TOO_LARGE})  # is kept: it would take as long again
    if ended.returncode:
        raise RuntimeError(f"the program that draws circuits failed:\n{ended.stderr}")
    return ended.stdout
