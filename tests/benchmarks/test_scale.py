"""A large deployment of which something is killed all the time: nothing is lost, doubled or left."""

import json
import subprocess
import sys

from helpers.product import CHECKOUT, outside_environment

TASKS, KILLS = 60, 6


def test_nothing_is_lost_doubled_or_left_whatever_is_killed():
    command = [sys.executable, "-m", "benchmarks.scale", "--database", "postgresql"]
    command += ["--tasks", f"{TASKS}", "--kills", f"{KILLS}", "--quick", "--json"]
    result = subprocess.run(
        command,
        env=outside_environment(),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(result.stdout)
    assert found["problems"] == []
    assert sum(found["ends"].values()) == TASKS
    assert sum(found["killed"].values()) == KILLS
    costs = found["cost of a task"]
    assert costs["broker: messages"] >= 1 and costs["database: commits"] > 1
    kinds = ("web", "worker", "maintenance", "broker", "database", "store")
    assert all(costs[f"{kind}: CPU ms"] > 0 for kind in kinds)
