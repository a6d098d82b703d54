"""A client for scripts and notebooks; needs only ``requests``.

Example::

    from pathlib import Path
    from qhana_plugin_runner.client import Runner

    runner = Runner("http://127.0.0.1:5005")
    outputs = runner.run("entity-statistics", entitiesUrl=Path("penguins.csv"))
    print(outputs["penguins-statistics"].to_pandas())
"""

from .errors import (
    ClientError,
    InvalidInputs,
    Refused,
    StepOpen,
    TaskCancelled,
    TaskFailed,
    TaskPending,
    Unreachable,
)
from .outputs import Output, Outputs
from .plugin import Plugin
from .runner import Runner
from .task import Progress, Step, Task

__all__ = [
    "ClientError",
    "InvalidInputs",
    "Output",
    "Outputs",
    "Plugin",
    "Progress",
    "Refused",
    "Runner",
    "Step",
    "StepOpen",
    "Task",
    "TaskCancelled",
    "TaskFailed",
    "TaskPending",
    "Unreachable",
]
