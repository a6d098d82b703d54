"""Pauses between attempts."""

import random

_MAX_DOUBLINGS = 64
"""Beyond every maximum, and a float has a largest power."""


def backoff(failures: int, first: float, maximum: float, jitter: bool = False) -> float:
    """Return the seconds until the next attempt; they double with each failure.

    Celery's own helper counts whole seconds, and the runner's pauses begin with parts of one.

    Args:
        failures: how many attempts have failed, from 1
        first: the pause after the first failure
        maximum: the longest pause
        jitter: choose any shorter pause at random, so that what has failed together does not
            come back together: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    pause = min(maximum, first * 2.0 ** min(failures - 1, _MAX_DOUBLINGS))
    return random.uniform(0.0, pause) if jitter else pause  # noqa: S311
