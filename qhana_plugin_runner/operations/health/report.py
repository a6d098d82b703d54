"""The results of the checks as JSON."""

from collections.abc import Iterable, Mapping
from typing import Any

from .result import Result
from .running import overall


def report(results: Iterable[Result], with_details: bool) -> dict[str, Any]:
    """Return what programs get.

    Args:
        results: of the checks
        with_details: whether to tell facts, causes and cures, which name hosts
    """
    results = list(results)
    return {
        "status": overall(results),
        "checks": {each.check.name: _entry(each, with_details) for each in results},
    }


def _entry(result: Result, with_details: bool) -> Mapping[str, Any]:
    if not with_details:
        return {"status": result.status}
    entry: dict[str, Any] = {"status": result.status}
    if facts := str(result.outcome.facts):
        entry["facts"] = facts
    entry["problems"] = [
        {
            "status": problem.status,
            "summary": str(problem.summary),
            "cause": str(problem.cause),
            "cure": str(problem.cure),
        }
        for problem in result.outcome.problems
    ]
    return entry
