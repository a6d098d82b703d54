"""What a row of the table is, and how it is measured."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .lab import Lab

Measure = Callable[[], float]
Pair = tuple[Measure, Measure]
"""Take one sample of the runner's figure, and one of the limit's."""

ROUNDS, LEAST_ROUNDS, QUICK_ROUNDS = 9, 5, 1
ROW_SECONDS = 12.0
"""When a row has taken this long, the least number of rounds must do."""


class Unavailable(Exception):
    """A row cannot be measured; the text says why."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        name: what it is asked for by, ``group-...``
        unit: of both figures
        pair: yields the two measures while what they need is running
        heavy: whether it is measured only when it is named
        rounds: how many samples of each are taken, by turns; fewer when these take long
    """

    name: str
    unit: str
    pair: Callable[[Lab], Iterator[Pair]]
    heavy: bool = False
    rounds: int = ROUNDS


ROWS: dict[str, Row] = {}


def row(
    name: str, unit: str, *, heavy: bool = False, rounds: int = ROUNDS
) -> Callable[[Callable[[Lab], Iterator[Pair]]], Callable[[Lab], Iterator[Pair]]]:
    """Add a row to the table: the decorated function yields its two measures once."""

    def add(pair: Callable[[Lab], Iterator[Pair]]) -> Callable[[Lab], Iterator[Pair]]:
        ROWS[name] = Row(name, unit, pair, heavy, rounds)
        return pair

    return add


@dataclass(frozen=True)
class Figures:
    """The samples of a row, or why there are none."""

    row: Row
    ours: list[float] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)
    problem: str = ""

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round, smallest first."""
        return sorted(a / b for a, b in zip(self.ours, self.limit))

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def around(self) -> tuple[float, float]:
        """The smallest and the largest ratio."""
        return self.ratios[0], self.ratios[-1]

    @staticmethod
    def median(samples: list[float]) -> float:
        """Return the median of samples."""
        return statistics.median(samples)

    @staticmethod
    def spread(samples: list[float]) -> float:
        """Return half of the range of the middle half, as a part of the median."""
        if len(samples) < 2:
            return 0.0
        first, middle, third = statistics.quantiles(samples, n=4)
        return (third - first) / 2 / middle


def measure(row: Row, lab: Lab) -> Figures:
    """Take the samples of a row: the runner and the limit by turns."""
    figures = Figures(row)
    try:
        with contextmanager(row.pair)(lab) as pair:
            measures = list(zip((figures.ours, figures.limit), pair))
            if not lab.quick:
                for _samples, sample in measures:
                    sample()  # warms up
            start = time.monotonic()
            for done in range(QUICK_ROUNDS if lab.quick else row.rounds):
                if done >= LEAST_ROUNDS and time.monotonic() - start > ROW_SECONDS:
                    break
                for samples, sample in measures:
                    samples.append(sample())
                measures.reverse()
    except Unavailable as reason:
        return Figures(row, problem=str(reason))
    return figures
