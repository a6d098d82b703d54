"""Import a messy CSV of 100,000 rows, and say what each column holds.

usage: .venv/bin/python examples/import_rivers.py [URL of the runner]

The story is told in docs/tutorial/messy-csv.md.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import make_rivers

from qhana_plugin_runner.client import ClientError, Runner

COLUMNS = """\
ID: id
station: text
river: text
date: date-dmy
water: number
air: number
ph: number
oxygen: number
quality: text
remark: text
"""


def main(runner: Runner) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rivers.csv"
        make_rivers.write(path)
        task = runner.submit("csv-import", file=path).wait()
    task.answer("check", columns=COLUMNS)
    table = task.wait().outputs["entities"]
    columns = runner.run("entity-statistics", entitiesUrl=table)[0].json()
    print(f"{'column':8} {'count':>6} {'missing':>7} {'mean':>6}")
    for each in columns:
        mean = "" if each["mean"] is None else f"{each['mean']:.2f}"
        print(f"{each['ID']:8} {each['count']:>6} {each['missing']:>7} {mean:>6}")


if __name__ == "__main__":
    try:
        main(Runner(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5005"))
    except ClientError as error:
        sys.exit(str(error))
