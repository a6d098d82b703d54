"""Classify two moons by a line, by a classical kernel, and by a quantum kernel.

usage: .venv/bin/python examples/compare_kernels.py [URL of the runner]

The story is told in docs/tutorial/quantum-kernel.md. It needs the plugins of the sets "learning"
and "quantum".
"""

import sys
from pathlib import Path

from qhana_plugin_runner.client import ClientError, Outputs, Runner

MOONS = Path(__file__).with_name("moons.csv")


def main(runner: Runner) -> None:
    table = runner.run("csv-import", file=MOONS, review=False)["entities"]
    parts = runner.run("split", entities=table, testShare=0.3, stratify="moon")
    train = runner.run("scale", entities=parts["train"], method="min-max")
    test = runner.run("scale", entities=parts["test"], scales=train["scales"])
    data = {
        "entities": train["scaled"],
        "testEntities": test["scaled"],
        "label": "moon",
    }
    line = runner.run("classify", data, method="logistic regression")
    classical = runner.run("classify", data, method="SVM")
    quantum = runner.run("quantum-kernel", data, featureMap="ZZ", repetitions=1)

    print(f"{'':20}{'test accuracy':>13}")
    for name, outputs in (
        ("a line", line),
        ("classical kernel", classical),
        ("quantum kernel", quantum),
    ):
        print(f"{name:20}{accuracy(outputs):>13.3f}")


def accuracy(outputs: Outputs) -> float:
    rows = outputs["metrics"].json()
    return next(row["value"] for row in rows if row["metric"] == "test accuracy")


if __name__ == "__main__":
    try:
        main(Runner(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5005"))
    except ClientError as error:
        sys.exit(str(error))
