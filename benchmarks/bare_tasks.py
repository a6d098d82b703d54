"""The limit of a worker: Celery and two tasks, nothing else."""

import os

from celery import Celery

CELERY = Celery("bare", broker=os.environ.get("BENCH_BROKER"))
CELERY.conf.result_backend = os.environ.get("BENCH_BROKER")


@CELERY.task(name="bare.greet")  # type: ignore[untyped-decorator, unused-ignore]
def greet(number: int) -> str:
    """Do what a plugin's task does."""
    return f"Hello {number}!"


@CELERY.task(name="bare.save")  # type: ignore[untyped-decorator, unused-ignore]
def save(text: str) -> str:
    """Do what the runner's task does."""
    return text
