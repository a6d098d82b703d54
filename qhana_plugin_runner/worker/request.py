"""Celery's record of a message in a worker, made to tell of itself when its work is cut off."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from celery.worker.request import Request

__all__ = ["SupervisedRequest"]


class SupervisedRequest(Request):
    """A message that a worker has.

    Attributes:
        failing: the one whose process has ended or is to be ended. Celery's signals of it are
            sent in the main thread of the worker, and do not tell from which process it was.
    """

    failing: ClassVar[Self | None] = None

    def on_failure(self, *args: Any, **options: Any) -> Any:
        with self._failing():
            return super().on_failure(*args, **options)

    def on_timeout(self, *args: Any, **options: Any) -> Any:
        with self._failing():
            return super().on_timeout(*args, **options)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        SupervisedRequest.failing = self
        try:
            yield
        finally:
            SupervisedRequest.failing = None
