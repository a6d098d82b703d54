"""The Celery app: where plugins register their tasks and from where messages are sent."""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache, cached_property, partial
from inspect import Parameter, signature
from typing import Any

from celery import Celery, Task
from celery.app import backends
from celery.app.amqp import AMQP
from celery.app.log import TaskFormatter
from celery.exceptions import Ignore, Reject, Retry
from celery.loaders.app import AppLoader
from celery.result import AsyncResult
from celery.signals import after_setup_logger, after_setup_task_logger, task_postrun
from celery.states import IGNORED, REJECTED
from celery.utils import uuid
from celery.utils.log import get_multiprocessing_logger
from flask import Flask, current_app, has_app_context, has_request_context
from kombu import serialization
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES

from .errors import RunnerError, TaskNotSaved
from .tasking import console, life_cycle, messages
from .tasking.broker import ANSWER_SECONDS, register_in_flight
from .tasking.changes import register_changes
from .tasking.errors import BrokerUnavailable
from .tasking.last_link import is_log, save_result_here
from .tasking.limits import limited_memory, out_of_memory
from .tasking.owners import Row, rows_of
from .tasking.publishing import hold, note_sending, register_publishing, release
from .tasking.queues import queue_settings
from .tasking.results import SilentRedisBackend
from .util.config.celery_config import CELERY_QUEUE
from .util.current_message import current_message, working_on
from .util.error_text import name_and_text
from .util.flask_app import RunnerFlask
from .util.redaction import hidden, hiding, masked_error, redact_text

# Names, since only processes that send or receive import it.
TRANSPORT_ALIASES.update(
    dict.fromkeys(("redis", "rediss"), f"{__package__}.tasking.transport:RedisTransport")
)

__all__ = ["CELERY", "BrokerUnavailable", "FlaskTask", "register_celery"]


class _Releasing:
    """Sends held messages before it looks for results, so that no view waits in vain."""

    def get_task_meta(self, *args: Any, **kwargs: Any) -> Any:
        release()
        return super().get_task_meta(*args, **kwargs)  # type: ignore[misc]

    def iter_native(self, *args: Any, **kwargs: Any) -> Any:
        release()
        return super().iter_native(*args, **kwargs)  # type: ignore[misc]

    def wait_for_pending(self, *args: Any, **kwargs: Any) -> Any:
        release()
        return super().wait_for_pending(*args, **kwargs)  # type: ignore[misc]


@cache
def _releasing(backend: type) -> type:
    """Return a class of result backends like this one that sends held messages first."""
    return type(backend.__name__, (_Releasing, backend), {})


_REDIS_BACKEND = f"{SilentRedisBackend.__module__}:{SilentRedisBackend.__name__}"


class Loader(AppLoader):
    """Chooses the runner's own result backend for redis URLs."""

    override_backends = {
        "redis": _REDIS_BACKEND,
        "rediss": _REDIS_BACKEND,
    }


_SIGNALLED = range(-256, -192)
"""With these the pool's processes exit when a signal tells them to: 256 less than the signal."""


def _ends_process(error: BaseException) -> bool:
    """Whether a process or greenlet is to end, and not only the task that it works on."""
    if isinstance(error, SystemExit):
        return type(error) is not SystemExit or error.code in _SIGNALLED
    greenlet = sys.modules.get("greenlet")
    return greenlet is not None and isinstance(error, greenlet.GreenletExit)


def _described(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the task called exit({error.code!r})"
    return f"the task raised {name_and_text(error)}"


def _told_again(error: BaseException, shown: str) -> Exception:
    """Return an error in place of one that tells a secret; what it was is below it."""
    told: Exception = RunnerError(hidden(_described(error)))
    if isinstance(error, Retry):
        told = Retry(None, told, error.when, error.is_eager, error.sig)
    told.add_note(shown)
    return told


def _may_be_of_no_row(name: str) -> bool:
    """Whether a task can do without its ``db_id``: it has a default for it."""
    task = CELERY.tasks.get(name)
    parameters = signature(task.run).parameters if task else {}
    return "db_id" in parameters and parameters["db_id"].default is not Parameter.empty


def _require_saved(rows: Iterable[Row]) -> set[int]:
    """Return the ids of the rows that a message, and what follows it, names.

    Raises:
        TaskNotSaved: one of them is ``None``, and needed: the row has got none yet.
    """
    ids = set()
    for task_name, row in rows:
        if row is not None:
            ids.add(row)
        elif not _may_be_of_no_row(task_name):
            raise TaskNotSaved(f"{task_name} cannot be sent with db_id=None")
    return ids


class FlaskTask(Task):
    """A task that runs inside of the Flask app's context.

    When there is a context already, as in a task that a test calls directly, it is used, so
    that caller and task share one database session.
    """

    abstract = True

    Request = "qhana_plugin_runner.worker.request:MonitoredRequest"
    Strategy = "qhana_plugin_runner.worker.request:named_in_log"

    attempts: int = 1
    """How often the work is started when it is lost with its worker or the broker."""

    attempt_delay: float = 10.0
    """Seconds before the second attempt; the pause doubles from one to the next."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self._app_context():
            app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
            with self._to_the_end(), messages.claimed(app, self, kwargs.get("db_id")):
                try:
                    owner = current_message().task_id if self._is_in_worker else None
                    with console.captured(owner):
                        with self._limited():
                            result = super().__call__(*args, **kwargs)
                        # What another task goes on with has to stay as it is.
                        if isinstance(result, str) and is_log(self):
                            result = hidden(result)
                        save_result_here(self, result)
                    return result
                except MemoryError as error:
                    if not self._is_in_worker:
                        raise
                    raise out_of_memory(error) from error
                except Exception as error:
                    shown = masked_error(error)
                    if shown is None or isinstance(error, (Ignore, Reject)):
                        raise
                    raise _told_again(error, shown) from None
                except BaseException as error:
                    # Celery would let it end the worker, or its thread, and not the task.
                    if not self._is_in_worker or _ends_process(error):
                        raise
                    if (shown := masked_error(error)) is None:
                        raise RunnerError(_described(error)) from error
                    raise _told_again(error, shown) from None

    def apply(
        self, args: Any = None, kwargs: Any = None, *more: Any, **options: Any
    ) -> Any:
        """Run the task here and now; see :meth:`celery.app.task.Task.apply`.

        Raises:
            TaskNotSaved: the ``db_id`` is ``None``, and has no default.
        """
        _require_saved(rows_of(self.name, kwargs, options))
        return super().apply(args, kwargs, *more, **options)

    @property
    def _is_in_worker(self) -> bool:
        return not (self.request.called_directly or self.request.is_eager)

    def _to_the_end(self) -> AbstractContextManager[object]:
        """Mask secrets, and name task and request, also in what Celery logs and sends after the end."""
        if self.request.called_directly:
            return hiding()
        self.request.to_the_end = stack = ExitStack()
        if self._is_in_worker:
            stack.enter_context(working_on(messages.message_of(self.request)))
        stack.enter_context(hiding())
        return nullcontext()

    def _limited(self) -> AbstractContextManager[object]:
        return limited_memory() if self._is_in_worker else nullcontext()

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


class RunnerAMQP(AMQP):
    """Registers each message of a task right before it leaves, when its queue is known.

    Secrets in the arguments are masked where people see them: in events, and what logs them.
    """

    def as_task_v2(self, *args: Any, **kwargs: Any) -> Any:
        """Make a message; see :meth:`celery.app.amqp.AMQP.as_task_v2`."""
        message = super().as_task_v2(*args, **kwargs)
        shown = {
            key: redact_text(message.headers[f"{key}repr"]) for key in ("args", "kwargs")
        }
        message.headers.update({f"{key}repr": text for key, text in shown.items()})
        if message.sent_event is not None:
            message.sent_event.update(shown)
        return message

    @cached_property
    def send_task_message(self) -> Callable[..., Any]:
        send = self._create_task_sender()

        def register_and_send(
            producer: Any, name: str, message: Any, queue: Any = None, **options: Any
        ) -> Any:
            headers = {**message.headers, **(options.get("headers") or {})}
            place = getattr(queue, "name", queue) or options.get("routing_key")
            place = place or self.default_queue.name
            begins_once = getattr(self.app.tasks.get(name), "attempts", 1) <= 1
            app = self.app.flask_app
            if app is None or not headers.get(messages.DELIVERY_ID):
                return send(producer, name, message, queue=queue, **options)
            sender = self.app.current_worker_task
            body = message.body
            with messages.registered(app, headers, body, place, begins_once, sender):
                return send(producer, name, message, queue=queue, **options)

        return register_and_send


class RunnerCelery(Celery):
    """Celery, told which Flask app it works for.

    Attributes:
        flask_app: the app that was created last in this process.
    """

    amqp_cls = RunnerAMQP
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

        One that carries the ``db_id`` of a task, or has something behind it that does, leaves
        when the view that sends it is done: see :mod:`.tasking.publishing`.

        Raises:
            BrokerUnavailable: the broker does not answer.
            TaskNotSaved: a ``db_id`` is ``None`` that has no default.
        """
        rows = list(rows_of(name, kwargs, options))
        owners = _require_saved(rows)

        def send() -> AsyncResult:
            try:
                own = self._headers_for(name, rows)
                if own:
                    options["headers"] = {**(options.get("headers") or {}), **own}
                return super(RunnerCelery, self).send_task(
                    name, args, kwargs, *more, **options
                )
            except OperationalError as error:
                raise BrokerUnavailable(error, owners) from error

        if not owners:
            note_sending(owners)
            return send()
        if has_request_context():
            # As they are now, whatever the caller does with them until they are sent.
            args, kwargs = self._as_sent([args, kwargs])
        options["task_id"] = options.get("task_id") or uuid()
        if not hold(owners, send):
            note_sending(owners)
            return send()
        # They are open only as long as the caller waits for this.
        options.pop("producer", None)
        options.pop("connection", None)
        result = (options.get("result_cls") or self.AsyncResult)(options["task_id"])
        result.ignored = options.get("ignore_result")
        return result

    def connection_for_write(self, url: str | None = None, **options: Any) -> Any:
        """Return a connection for sending; see :meth:`celery.Celery.connection_for_write`.

        Only those for reading may wait for ever: messages may be long in coming.
        """
        options["transport_options"] = {
            "socket_timeout": ANSWER_SECONDS,
            **self.conf.broker_transport_options,
            **(options.get("transport_options") or {}),
        }
        return super().connection_for_write(url, **options)

    def _headers_for(self, name: str, rows: Sequence[Row]) -> dict[str, Any]:
        if self.flask_app is None:
            return {}
        sender = self.current_worker_task
        return messages.headers_for(self.flask_app, name, rows, sender)

    def _as_sent(self, value: Any) -> Any:
        """Return what arguments are when a worker gets them.

        Raises:
            kombu.exceptions.EncodeError: they cannot be sent.
        """
        serializer = self.conf.task_serializer
        content_type, encoding, data = serialization.dumps(  # type: ignore[no-untyped-call]
            value, serializer
        )
        return serialization.loads(  # type: ignore[no-untyped-call]
            data, content_type, encoding
        )

    def _get_backend(self) -> Any:
        backend, url = backends.by_url(self.conf.result_backend, self.loader)
        return _releasing(backend)(app=self, url=url)

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
            # They remember queues and connections of the configuration before.
            for name in ("amqp", "control"):
                self.__dict__.pop(name, None)
            self._backend_cache = None
            self._local.__dict__.pop("backend", None)


CELERY = RunnerCelery("qhana_plugin_runner", task_cls=FlaskTask, loader=Loader)
"""The Celery app of the runner, with which plugins make their tasks::

    @CELERY.task(name=f"{Plugin.instance.identifier}.my_task", bind=True)
    def my_task(self, db_id: int) -> str: ...
"""


def register_celery(app: RunnerFlask) -> None:
    """Make tasks run for this app, with its configuration."""
    register_publishing(app)
    register_in_flight(app)
    register_changes(app)
    CELERY.flask_app = app
    limit = app.config["TASK_TIME_LIMIT_SECONDS"]
    config = app.config["CELERY"]
    default_queue = config.get("task_default_queue", CELERY_QUEUE)
    queues = queue_settings(app.config["TASK_QUEUES"], default_queue)
    CELERY.use({"task_time_limit": limit, **queues, **config})


@after_setup_logger.connect
def _log_of_pool_as_others(**_kwargs: Any) -> None:
    """Write what the pool logs about its processes as all other lines."""
    logger = get_multiprocessing_logger()
    logger.handlers.clear()
    logger.propagate = True


@after_setup_task_logger.connect
def _log_as_others_do(logger: logging.Logger, **_kwargs: Any) -> None:
    """Write what plugins log by ``get_task_logger`` as all other lines: masked, with its task."""
    kept = [h for h in logger.handlers if not isinstance(h.formatter, TaskFormatter)]
    logger.handlers[:] = kept
    logger.propagate = True


@task_postrun.connect
def _complete(task: Task, state: str, retval: Any = None, **_kwargs: Any) -> None:
    with task.request.get("to_the_end") or nullcontext():
        if task.app is CELERY and CELERY.flask_app is not None:
            expire = partial(_expire, retval) if state in (IGNORED, REJECTED) else None
            messages.complete(
                CELERY.flask_app, task, state, fail=_send_error, expire=expire
            )


def _expire(error: BaseException, task_id: int) -> None:
    """End a task after whose end Celery sends nothing."""
    log = f"Task failed: {_described(error)}, after which nothing of it goes on."
    life_cycle.expire(task_id, log)


def _send_error(task_id: int, failing_task_id: str) -> None:
    """Fail a task by a message, which is patient where the database is away."""
    save_error = CELERY.tasks["qhana-plugin-runner.save-error"]
    save_error.apply_async((failing_task_id,), {"db_id": task_id})
