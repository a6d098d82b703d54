"""The Celery app: where plugins register their tasks and from where messages are sent."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

from celery import Celery, Task
from celery.backends.redis import RedisBackend
from celery.loaders.app import AppLoader
from celery.result import AsyncResult, GroupResult
from celery.utils import uuid
from flask import Flask, has_app_context
from kombu.exceptions import OperationalError

from .errors import RunnerError
from .held_messages import hold, register_held_messages, release
from .util.logging import task_context

__all__ = ["CELERY", "BrokerUnavailable", "FlaskTask", "register_celery"]


class BrokerUnavailable(RunnerError, OperationalError):
    """A message could not be sent because the broker does not answer.

    Attributes:
        task_id: the row of the task that the message was for, when it was for one.
    """

    http_status = 503

    def __init__(self, cause: Exception, task_id: int | None) -> None:
        super().__init__(
            f"the message broker cannot be reached ({cause}); nothing was started. "
            "Check that it is running and that BROKER_URL is right, then try again."
        )
        self.task_id = task_id


class SilentRedisBackend(RedisBackend):
    """Results in Redis, without a subscription for each message that is sent.

    Celery subscribes to the result of every task at the moment it is sent, and stays subscribed
    until the result is fetched. The runner's processes hardly ever fetch results; those that do
    subscribe when they start to wait, and look first whether the result is there already.
    """

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Do nothing."""


class Loader(AppLoader):
    """Chooses the result backend above for redis URLs."""

    override_backends = {
        "redis": f"{__name__}:{SilentRedisBackend.__name__}",
        "rediss": f"{__name__}:{SilentRedisBackend.__name__}",
    }


class ReleasingResult(AsyncResult):
    """A result for which no view waits in vain: its message is sent first, if it was held."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        release()
        return super().get(*args, **kwargs)

    def _get_task_meta(self) -> Any:  # what all other questions come to
        release()
        return super()._get_task_meta()


class ReleasingGroupResult(GroupResult):
    """The results of a group, likewise."""

    def iter_native(self, *args: Any, **kwargs: Any) -> Any:
        release()
        return super().iter_native(*args, **kwargs)


class FlaskTask(Task):
    """A task that runs inside of the Flask app's context.

    When there is a context already, as in a task that a test calls directly, it is used, so
    that caller and task share one database session.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with task_context(kwargs.get("db_id"), self.name or ""), self._app_context():
            return super().__call__(*args, **kwargs)

    def _app_context(self) -> AbstractContextManager[object]:
        if has_app_context():
            return nullcontext()
        app: Flask | None = self.app.flask_app
        if app is None:
            raise RunnerError(
                f"task {self.name} was called before create_app(); "
                "call create_app() first, or start the worker with "
                "qhana_plugin_runner.celery_worker:CELERY"
            )
        return app.app_context()


class RunnerCelery(Celery):
    """Celery, told which Flask app it works for.

    Attributes:
        flask_app: the app that was created last in this process.
    """

    flask_app: Flask | None = None
    _taken_over: frozenset[str] = frozenset()

    def send_task(
        self,
        name: str,
        args: Any = None,
        kwargs: Mapping[str, Any] | None = None,
        *more: Any,
        **options: Any,
    ) -> AsyncResult:
        """Send a message; see :meth:`celery.Celery.send_task`.

        One that belongs to a task's row leaves when the view that sends it is done, see
        :mod:`.held_messages`.

        Raises:
            BrokerUnavailable: the broker does not answer.
        """
        owner = _task_row_of(kwargs, options.get("chain"))

        def send() -> AsyncResult:
            try:
                return super(RunnerCelery, self).send_task(
                    name, args, kwargs, *more, **options
                )
            except OperationalError as error:
                raise BrokerUnavailable(error, owner) from error

        if owner is None:
            return send()
        options["task_id"] = options.get("task_id") or uuid()
        if not hold(send):
            return send()
        # They are open only as long as the caller waits for this.
        options.pop("producer", None)
        options.pop("connection", None)
        return (options.get("result_cls") or self.AsyncResult)(options["task_id"])

    @cached_property
    def AsyncResult(self) -> Any:  # noqa: N802  (the name is Celery's)
        """The class of results that are asked for by the id of a message."""
        return self.subclass_with_self(ReleasingResult)

    @cached_property
    def GroupResult(self) -> Any:  # noqa: N802
        """The class of results of groups."""
        return self.subclass_with_self(ReleasingGroupResult)

    def use(self, config: Mapping[str, Any]) -> None:
        """Take over a configuration; connections made with another one are given up."""
        changed = any(self.conf.get(key) != value for key, value in config.items())
        gone = self._taken_over - config.keys()
        if changed or gone:
            for key in gone:
                self.conf.changes.pop(key, None)
            self.conf.update(config)
            self._taken_over = frozenset(config)
            self._after_fork()
            self._backend_cache = None
            self._local.__dict__.pop("backend", None)


def _task_row_of(
    kwargs: Mapping[str, Any] | None, chain: Iterable[Mapping[str, Any]] | None
) -> int | None:
    """Return the ``db_id`` of a message, or of what is chained behind it."""
    candidates = [kwargs or {}, *(link.get("kwargs", {}) for link in chain or ())]
    for candidate in candidates:
        if isinstance(candidate.get("db_id"), int):
            return int(candidate["db_id"])
    return None


CELERY = RunnerCelery("qhana_plugin_runner", task_cls=FlaskTask, loader=Loader)
"""The Celery app of the runner, with which plugins make their tasks::

    @CELERY.task(name=f"{Plugin.instance.identifier}.my_task", bind=True)
    def my_task(self, db_id: int) -> str: ...
"""


def register_celery(app: Flask) -> None:
    """Make tasks run for this app, with its configuration."""
    register_held_messages(app)
    CELERY.flask_app = app
    CELERY.use(app.config["CELERY"])
