"""The documentation tells of exactly those faults that tests make."""

import json
import os
import re
import subprocess
import sys

from helpers.product import CHECKOUT

PAGE = CHECKOUT / "docs" / "explanation" / "faults.md"


def test_the_table_of_faults_is_that_of_the_tests():
    command = [sys.executable, "-m", "pytest", "tests/faults", "--collect-only", "-q"]
    collected = subprocess.run(
        [*command, "-p", "helpers.fault_marks"],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "tests")},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    tested = {
        tuple(json.loads(line))
        for line in re.findall(r"^fault: (.*)$", collected.stdout, re.M)
    }
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    told = set(rows) - {("What happens", "Outcome"), ("---", "---")}
    missing = "\n".join(
        f"| {fault} | {outcome} |" for fault, outcome in sorted(tested - told)
    )
    assert not tested - told, f"add to the table:\n{missing}"
    assert not told - tested, "told of, but not tested"
