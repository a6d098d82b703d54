"""Cluster penguins by their measurements, and compare the clusters with the species.

usage: .venv/bin/python examples/cluster_penguins.py [URL of the runner]

The story is told in docs/tutorial/cluster-penguins.md. It needs the plugins of the set "learning".
"""

import csv
import sys
from collections import Counter
from pathlib import Path

from qhana_plugin_runner.client import ClientError, Runner

PENGUINS = Path(__file__).with_name("penguins.csv")
MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def main(runner: Runner) -> None:
    table = runner.run("csv-import", file=PENGUINS, review=False)["entities"]
    measured = runner.run(
        "entity-select", entities=table, attributes=["species", *MEASURES], complete=True
    )["selected"]
    scaled = runner.run("scale", entities=measured)["scaled"]
    points = runner.run("reduce-dimensions", entities=scaled, dimensions=2)["points"]
    clusters = runner.run("cluster", entities=points, method="k-means", clusters=3)

    with PENGUINS.open(encoding="utf-8") as file:
        species = {row["ID"]: row["species"] for row in csv.DictReader(file)}
    counts = Counter(
        (species[row["ID"]], row["label"]) for row in clusters["labels"].json()
    )
    labels = sorted({label for _species, label in counts})
    print(f"{'species':12}", *(f"{f'cluster {label}':>10}" for label in labels))
    for name in sorted({name for name, _label in counts}):
        print(f"{name:12}", *(f"{counts[name, label]:>10}" for label in labels))


if __name__ == "__main__":
    try:
        main(Runner(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5005"))
    except ClientError as error:
        sys.exit(str(error))
