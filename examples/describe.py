"""Use plugins from Python: describe the columns of an entity file and print the table.

usage: .venv/bin/python examples/describe.py examples/penguins.csv [URL of the runner]
"""

import sys
from pathlib import Path

from qhana_plugin_runner.client import ClientError, Runner


def main() -> None:
    url = sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:5005"
    try:
        statistics, report = Runner(url).run(
            "entity-statistics", entitiesUrl=Path(sys.argv[1])
        )
    except ClientError as error:
        sys.exit(str(error))

    keys = ["count", "missing", "min", "max", "mean", "standardDeviation", "distinct"]
    print(f"{'column':20}", *(f"{key[:9]:>9}" for key in keys))
    for column in statistics.json():
        cells = ("" if column[key] is None else f"{column[key]:.6g}" for key in keys)
        print(f"{column['ID']:20}", *(f"{cell:>9}" for cell in cells))
    print("report:", report.href)


if __name__ == "__main__":
    main()
