"""A program that begins and ends tasks of a product, and says when the end was committed.

Reads lines from its input: ``begin`` prints the id of a new task, ``end ID`` ends it and
prints the time (of the monotonic clock of the machine) of the commit.
"""

import subprocess
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .lab import Lab, Product


class Ender:
    """The program, for a row."""

    def __init__(self, lab: "Lab", product: "Product") -> None:
        broker = product.bare_broker.rpartition("/")[0] + "/0"
        environment = {
            **product.environment,
            "QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER": str(product.folder),
            "BROKER_URL": broker,
            "RESULT_BACKEND": broker,
        }
        command = [sys.executable, "-m", "benchmarks.ending"]
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def _ask(self, text: str) -> str:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()
        while not (line := self._process.stdout.readline()).startswith("= "):
            if not line:
                raise AssertionError("the program that ends tasks has ended")
        return line[2:].strip()

    def begin(self) -> str:
        """Begin a task and return its id."""
        return self._ask("begin")

    def end(self, task: str) -> float:
        """End a task and return when that was committed."""
        return float(self._ask(f"end {task}"))

    def __enter__(self) -> "Ender":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """Do what the lines of the input say."""
    from sqlalchemy import event

    from qhana_plugin_runner import create_app
    from qhana_plugin_runner.db import DB
    from qhana_plugin_runner.db.models.tasks import ProcessingTask
    from qhana_plugin_runner.tasks import save_task_result

    app = create_app()
    commits: list[float] = []
    with app.app_context():
        event.listen(
            DB.session, "after_commit", lambda _session: commits.append(time.monotonic())
        )
        for line in sys.stdin:
            command, _, task_id = line.strip().partition(" ")
            if command == "begin":
                task = ProcessingTask(task_name="bench.task", parameters="{}")
                task.save(commit=True)
                print("=", task.id, flush=True)
            else:
                commits.clear()
                save_task_result("done", db_id=int(task_id))
                print("=", commits[0], flush=True)
            DB.session.remove()


if __name__ == "__main__":
    main()
