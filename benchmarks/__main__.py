"""Measure the rows that are named, or all that are not heavy, and print one table."""

import argparse
import json
import signal
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import (  # noqa: F401  (each adds its rows)
    entity_rows,
    growth_rows,
    http_rows,
    start_rows,
    task_rows,
)
from .lab import Lab
from .rows import ROWS, Figures, Row, measure

EXPECTED = Path(__file__).with_name("expected.toml")
Expected = Mapping[str, Mapping[str, Any]]

LINE = "{:26}{:>7}{:>11}{:>6}{:>11}{:>6}{:>8}{:>8}{:>8}{:>10}{:>10}"
HEADER = LINE.format(
    *("row", "unit", "ours", "+-", "limit", "+-"),
    *("ratio", "from", "to", "goal", "expected"),
)


def chosen(names: list[str]) -> list[Row]:
    """Return the rows that are named by themselves or by the beginnings of their names.

    Raises:
        SystemExit: there is none of a name
    """
    if not names:
        return [row for row in ROWS.values() if not row.heavy]
    rows = {}
    for name in names:
        found = [row for row in ROWS.values() if row.name == name]
        if not found:
            found = [row for row in ROWS.values() if row.name.startswith(name)]
        if not found:
            raise SystemExit(f"there is no row '{name}': scripts/bench --list names all")
        rows.update({row.name: row for row in found})
    return list(rows.values())


def line(figures: Figures, expected: Mapping[str, Any]) -> str:
    """Return a line of the table."""
    goal, ratio = expected.get("goal", ""), expected.get("expected", "")
    if figures.problem:
        return f"{figures.row.name:26}{figures.row.unit:>7}  {figures.problem}"
    ours, limit = figures.ours, figures.limit
    ratios = [f"{each:.2f}" for each in (figures.ratio, *figures.around)]
    return LINE.format(
        *(figures.row.name, figures.row.unit),
        *(_short(figures.median(ours)), f"{figures.spread(ours):.0%}"),
        *(_short(figures.median(limit)), f"{figures.spread(limit):.0%}"),
        *(*ratios, goal, ratio),
    )


def _short(figure: float) -> str:
    digits = 0 if figure >= 1000 else 1 if figure >= 100 else 2 if figure >= 1 else 4
    return f"{figure:.{digits}f}"


def is_worse(figures: Figures, expected: Mapping[str, Any]) -> bool:
    """Tell whether a ratio misses what is expected by more than its margin."""
    if "expected" not in expected:
        return False
    if figures.problem:
        return True
    least, margin = float(expected["expected"]), float(expected.get("margin", 0.15))
    if str(expected["goal"]).startswith(">"):
        return figures.ratio < least * (1 - margin)
    return figures.ratio > least * (1 + margin)


def as_json(figures: Figures, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for programs."""
    known = {"name": figures.row.name, "unit": figures.row.unit, **expected}
    if figures.problem:
        return {**known, "problem": figures.problem}
    samples = {"ours": figures.ours, "limit": figures.limit}
    return {**known, **samples, "ratio": figures.ratio, "ratios": figures.ratios}


def accept(measured: Mapping[str, float]) -> None:
    """Write ratios into the file of what is expected."""
    text = EXPECTED.read_text("utf-8")
    rows = {name: dict(row) for name, row in tomllib.loads(text).items()}
    for name, ratio in measured.items():
        if name in rows:
            rows[name]["expected"] = round(ratio, 2)
    lines = [line for line in text.splitlines() if line.startswith("#")] + [""]
    for name, row in rows.items():
        values = ", ".join(f"{key} = {json.dumps(row[key])}" for key in sorted(row))
        lines.append(f"{name} = {{ {values} }}")
    EXPECTED.write_text("\n".join([*lines, ""]), "utf-8")


def parsed() -> argparse.Namespace:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="name all rows")
    parser.add_argument("--json", action="store_true", help="print the samples as JSON")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--check", action="store_true", help="compare with the expected")
    parser.add_argument("--accept", action="store_true", help="expect what is measured")
    parser.add_argument("--cpu", action="store_true", help="count processor time")
    parser.add_argument("--plugins", default="", metavar="FOLDERS")
    return parser.parse_args()


def main() -> int:
    """Measure and print; the status is 1 when a ratio is worse than expected."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends what has been started
    options = parsed()
    if options.list:
        for row in ROWS.values():
            print(f"{row.name:26}{'heavy' if row.heavy else ''}".rstrip())
        return 0
    expected: Expected = tomllib.loads(EXPECTED.read_text("utf-8"))
    rows = chosen(options.names)
    worse, printed = [], []
    ratios: dict[str, float] = {}
    if not options.json:
        print(HEADER, flush=True)
    with TemporaryDirectory(prefix="bench-") as folder:
        lab = Lab(Path(folder), options.quick, options.cpu, options.plugins)
        try:
            for row in rows:
                start = time.perf_counter()
                figures = measure(row, lab)
                lab.next_row()
                known = expected.get(row.name, {})
                if not figures.problem:
                    ratios[row.name] = figures.ratio
                if options.check and is_worse(figures, known):
                    worse.append(row.name)
                if options.json:
                    took = time.perf_counter() - start
                    printed.append({**as_json(figures, known), "took": took})
                else:
                    print(line(figures, known), flush=True)
        finally:
            lab.close()
    if options.accept:
        accept(ratios)
    if options.json:
        print(json.dumps(printed, indent=1))
    if worse:
        print(f"worse than expected: {', '.join(worse)}", file=sys.stderr)
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())
