"""Pauses between attempts."""

from celery.utils.time import get_exponential_backoff_interval

__all__ = ["backoff"]


def backoff(failures: int, first: float, maximum: float, jitter: bool = False) -> float:
    """Return the seconds until the next attempt; they double with each failure.

    Args:
        failures: how many attempts have failed, from 1
        first: the pause after the first failure
        maximum: the longest pause
        jitter: choose any shorter pause at random, so that what has failed together does not
            come back together: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    # Celery counts whole numbers. 2 ** 32 is beyond every maximum.
    milliseconds: int = get_exponential_backoff_interval(
        round(first * 1000), min(failures - 1, 32), round(maximum * 1000), jitter
    )
    return milliseconds / 1000
