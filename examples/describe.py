"""Drive the plugin runner from Python: upload an entity file, describe its columns, print the table.

usage: .venv/bin/python examples/describe.py examples/penguins.csv [URL of the runner]
"""

import sys
import time
from pathlib import Path

import requests


def run(runner: str, plugin: str, **form) -> list[dict]:
    """Start the newest version of a plugin, wait for the task and return its outputs."""
    metadata = requests.get(f"{runner}/plugins/{plugin}/", timeout=10)
    metadata.raise_for_status()
    endpoint = requests.compat.urljoin(
        metadata.url, metadata.json()["entryPoint"]["href"]
    )
    answer = requests.post(endpoint, **form, timeout=60)
    if answer.status_code != 200:
        sys.exit(f"{plugin} refused: {answer.text}")
    while (task := requests.get(answer.url, timeout=10).json())["status"] == "PENDING":
        time.sleep(0.2)
    if task["status"] != "SUCCESS":
        sys.exit(f"{plugin} failed: {task['log']}")
    return task["outputs"]


def main() -> None:
    path = Path(sys.argv[1])
    runner = (sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:5005").rstrip("/")

    with path.open("rb") as file:
        uploaded = run(runner, "file-upload", files={"file": file})[0]
    outputs = run(runner, "entity-statistics", data={"entitiesUrl": uploaded["href"]})

    columns = requests.get(outputs[0]["href"], timeout=60).json()
    keys = ["count", "missing", "min", "max", "mean", "standardDeviation", "distinct"]
    print(f"{'column':20}", *(f"{key[:9]:>9}" for key in keys))
    for column in columns:
        cells = ("" if column[key] is None else f"{column[key]:.6g}" for key in keys)
        print(f"{column['ID']:20}", *(f"{cell:>9}" for cell in cells))
    print("report:", outputs[1]["href"])


if __name__ == "__main__":
    main()
