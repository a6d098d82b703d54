"""Run plugins in this process, with all that they send to Celery, and without a broker.

Messages go into queues in memory. They are worked off in the calling thread as a worker would
do it: whole chains, error callbacks, retries (at once, whatever their delay), and steps.
"""

import io
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple, Self
from urllib.parse import unquote, urljoin, urlsplit

import marshmallow as ma
from celery.worker.request import Request
from flask import Flask, url_for
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from .. import create_app
from ..api.form_schemas import endpoint_of, view_arguments
from ..celery import CELERY
from ..client import outputs
from ..db import DB
from ..errors import OperatorError
from ..forms.json_schema import merged
from ..forms.kinds import kind_of
from ..plugin_utils.entity_marshalling import ensure_dict, load_entities
from ..plugins.loading import LoadedPlugins, QHAnaPluginBase
from ..requests import open_url
from .data_server import DataServer, serving_data

__all__ = [
    "InputRefused",
    "Output",
    "PluginTask",
    "Runs",
    "TaskFailed",
    "forget_messages",
    "form_schemas",
    "plugin_app",
    "running",
    "work_off",
]

IN_MEMORY = {"broker_url": "memory://localhost", "result_backend": "cache+memory://"}


class InputRefused(OperatorError):
    """A plugin does not take what was sent.

    Attributes:
        errors: the messages by field, as the plugin gives them
    """

    exit_code = 1

    def __init__(self, text: str, errors: Any = None) -> None:
        super().__init__(text)
        self.errors = errors or {}


class TaskFailed(OperatorError):
    """A task has not succeeded; the text ends with the last line of its log.

    Attributes:
        task: the task
    """

    exit_code = 1

    def __init__(self, task: "PluginTask") -> None:
        log = (task.log or "").strip() or "its log is empty"
        last = log.splitlines()[-1]
        super().__init__(f"the task ended as {task.status}: {last}")
        self.task = task


@contextmanager
def plugin_app(
    folders: Sequence[str | Path], instance: Path | None = None, **settings: Any
) -> Iterator[Flask]:
    """Make an app with the plugins of these folders, for :func:`work_off`.

    Args:
        folders: as in ``PLUGIN_FOLDERS``
        instance: holds database and files (default: a folder that goes in the end)
        settings: go over those of tests
    """
    with ExitStack() as stack:
        if instance is None:
            name = stack.enter_context(TemporaryDirectory(prefix="qhana-"))
            instance = Path(name)
        config = {
            "SECRET_KEY": "only for tests, and long enough for tokens",
            "TESTING": True,
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{instance}/runner.db",
            "FILE_STORE_ROOT_PATH": f"{instance}/files",
            "PLUGIN_FOLDERS": [str(folder) for folder in folders],
            "CELERY": IN_MEMORY,
            # So that `url_for` works without a request.
            "SERVER_NAME": "localhost.localdomain",
            **settings,
        }
        app = create_app(config, silent_log=True)
        forget_messages()
        with app.app_context():
            DB.create_all()
        try:
            yield app
        finally:
            with app.app_context():
                DB.session.remove()
                DB.engine.dispose()


def work_off(app: Flask) -> None:
    """Do what was sent to Celery, and what follows from it, until nothing is left to do."""
    with CELERY.connection_for_read() as connection:
        channel = connection.default_channel
        queues = [queue(channel) for queue in CELERY.amqp.queues.values()]
        for queue in queues:
            queue.declare()
        while any([_work_on_next(app, queue) for queue in queues]):
            pass


def _work_on_next(app: Flask, queue: Any) -> bool:
    message = queue.get(no_ack=True, accept=CELERY.conf.accept_content)
    if message is None:
        return False
    request = Request(message, app=CELERY)
    with app.app_context():  # a session of its own, as in another process
        request.execute()
    return True


def forget_messages() -> None:
    """Empty the queues in memory: what another app has sent is none of ours."""
    assert CELERY.conf.broker_url == IN_MEMORY["broker_url"], "this is no queue in memory"
    with CELERY.connection_for_write() as connection:
        channel = connection.default_channel
        for queue in CELERY.amqp.queues.values():
            queue(channel).declare()
            channel.queue_purge(queue.name)


def form_schemas(
    app: Flask, url: str, method: str = "POST"
) -> list[tuple[str, ma.Schema]]:
    """Return location (``form``, ``files``, ...) and schema of each argument of an endpoint."""
    endpoint = endpoint_of(app, unquote(urlsplit(url).path), method)
    if endpoint is None:
        return []
    _function, taken = view_arguments(app.view_functions[endpoint], method)
    return [(location, merged([schema])) for location, schema in taken]


class Output(outputs.Output):
    """A file that a task has made, as in the Python client; see there for more.

    Attributes:
        name: of the file
        data_type: such as ``entity/list``
        content_type: the mime type
    """

    def __init__(self, client: FlaskClient, described: Mapping[str, Any]) -> None:
        connection: Any = _Downloads(client)
        super().__init__(connection, dict(described))

    def entities(self) -> list[dict[str, Any]]:
        """Return the content, read as entities."""
        content = b64encode(self.content).decode("ascii")
        with open_url(f"data:{self.content_type};base64,{content}") as response:
            return list(ensure_dict(load_entities(response, self.content_type)))


class _Downloads(NamedTuple):
    """What outputs need of a connection."""

    client: FlaskClient

    def download(self, url: str, target: IO[bytes]) -> None:
        with self.client.get(url) as answer:
            assert answer.status_code == 200, f"{url}: {answer.status}"
            target.write(answer.get_data())


class PluginTask:
    """A task that was run as far as it goes without a person.

    Attributes:
        url: of its status
        status: ``SUCCESS``, ``FAILURE``, or ``PENDING`` when it waits for a step
        log: what its plugin says
        outputs: its files, by number or by name, as in the Python client
        steps: as in the status that clients get
    """

    def __init__(self, runs: "Runs", url: str) -> None:
        self._runs, self.url = runs, url
        self._look()

    def _look(self) -> None:
        seen = self._runs.client.get(self.url, headers={"Accept": "application/json"})
        assert seen.status_code == 200, f"{self.url}: {seen.status}"
        found = seen.get_json()
        self.status: str = found["status"]
        self.log: str = found.get("log") or ""
        self.steps: list[dict[str, Any]] = found.get("steps") or []
        made = found.get("outputs") or ()
        self.outputs = outputs.Outputs([Output(self._runs.client, each) for each in made])

    @property
    def id(self) -> int:
        """The number of its row."""
        return int(urlsplit(self.url).path.rstrip("/").rpartition("/")[2])

    @property
    def open_step(self) -> dict[str, Any] | None:
        """The step that waits for a person, if one does."""
        last = self.steps[-1] if self.steps else {"cleared": True}
        return None if last.get("cleared") else last

    def answer(self, step: str | None = None, /, **inputs: Any) -> Self:
        """Answer the open step, and run what follows.

        Args:
            step: the id that the step has to have (default: any)
            inputs: as for the plugin

        Raises:
            InputRefused: no such step is open, or it does not take the inputs.
            TaskFailed: the task ends without success.
        """
        found = self.open_step
        if found is None or step not in (None, found["stepId"]):
            what = f"the step {step!r}" if step else "a step"
            raise InputRefused(f"the task {self.id} does not wait for {what}")
        self._runs.send(found["href"], inputs)
        self._look()
        return self.checked()

    def checked(self) -> Self:
        """Return the task.

        Raises:
            TaskFailed: it has ended without success, or neither ended nor waits for a step.
        """
        if self.status != "SUCCESS" and not (self.status == "PENDING" and self.open_step):
            raise TaskFailed(self)
        return self

    def __repr__(self) -> str:
        return f"<PluginTask {self.id} {self.status} {self.outputs.names}>"


class Runs:
    """Runs the plugins of an app.

    Attributes:
        client: a client of the app
        data: serves files that are given as inputs
    """

    def __init__(self, app: Flask, data: DataServer) -> None:
        self.app, self.data = app, data
        self.client = _OwnContexts(app, app.response_class)

    def __call__(self, name: str, /, **inputs: Any) -> PluginTask:
        """Run a plugin until it ends or waits for a step.

        Args:
            name: its name, for the newest version, or its identifier
            inputs: what its form asks for, by the Python name or the key of a field. A path
                stands for the file: it is uploaded, or served where the field takes a URL.

        Raises:
            InputRefused: there is no such plugin, or it does not take the inputs.
            TaskFailed: the task ends without success.
        """
        metadata = self.metadata(self.plugin(name))
        return self.start(metadata["entryPoint"]["href"], inputs).checked()

    def plugin(self, name: str) -> QHAnaPluginBase:
        """Return the plugin of this name or identifier.

        Raises:
            InputRefused: there is none; names the cause where it could not be loaded.
        """
        loaded: LoadedPlugins = self.app.extensions["qhana_plugins"]
        found = loaded.mounted.get(name)
        if found := found or next(iter(loaded.versions_of(name)), None):
            return found
        problems = [f"{each.source}: {each.error}" for each in loaded.failures]
        there = ", ".join(sorted(loaded.mounted)) or "none"
        raise InputRefused(
            "; ".join([f"there is no plugin {name!r} among: {there}", *problems])
        )

    def metadata(self, plugin: QHAnaPluginBase) -> Any:
        """Return what a plugin tells of itself; its links are absolute."""
        with self.app.test_request_context("/"):
            path = url_for("plugins-api.PluginView", plugin=plugin.identifier)
        answer = self.client.get(
            path, headers={"Accept": "application/json"}, follow_redirects=True
        )
        if answer.status_code != 200:
            raise InputRefused(
                f"the metadata of {plugin.identifier} cannot be read: {answer.status}"
            )
        found = answer.get_json()
        for key in ("href", "uiHref"):
            found["entryPoint"][key] = urljoin(
                answer.request.url, found["entryPoint"][key]
            )
        return found

    def start(self, url: str, inputs: Mapping[str, Any]) -> PluginTask:
        """Send inputs to the processing endpoint of a plugin, and run its task."""
        answer = self.send(url, inputs)
        if "Location" not in answer.headers:
            raise InputRefused(f"{url} answers {answer.status} without the URL of a task")
        return PluginTask(self, urljoin(answer.request.url, answer.headers["Location"]))

    def send(self, url: str, inputs: Mapping[str, Any]) -> TestResponse:
        """Send inputs to an endpoint, and do what it sends to Celery.

        Raises:
            InputRefused: the endpoint answers with an error.
        """
        form, files = self._encoded(form_schemas(self.app, url), inputs)
        with ExitStack() as stack:
            opened = [(key, _opened(stack, each)) for key, each in files]
            data: MultiDict[str, Any] = MultiDict([*form, *opened])
            answer = self.client.post(url, data=data)
        if answer.status_code >= 400:
            errors = (answer.get_json(silent=True) or {}).get("errors") or {}
            fields = errors.get("form", errors)
            reason = json.dumps(fields, ensure_ascii=False) if fields else answer.status
            raise InputRefused(
                f"{urlsplit(url).path} does not take the inputs: {reason}", fields
            )
        work_off(self.app)
        return answer

    def _encoded(
        self, schemas: Sequence[tuple[str, ma.Schema]], inputs: Mapping[str, Any]
    ) -> tuple[list[tuple[str, str]], list[tuple[str, Any]]]:
        """Return texts and files by key, as a form sends them."""
        fields = {}
        for location, schema in schemas:
            for name, field in schema.fields.items():
                key = field.data_key or name
                fields[name] = fields[key] = (location, key, field)
        form: list[tuple[str, str]] = []
        files: list[tuple[str, Any]] = []
        for name, value in inputs.items():
            location, key, field = fields.get(name, ("form", name, ma.fields.Raw()))
            is_list = isinstance(value, (list, tuple, set))
            inner = field.inner if isinstance(field, ma.fields.List) else field
            for each in value if is_list else [value]:
                if location == "files":
                    files.append((key, each))
                elif isinstance(each, Path):
                    form.append((key, self.data.put(each)))
                else:
                    is_text = isinstance(each, str)
                    text = each if is_text else kind_of(inner).text(inner, each)
                    form.append((key, text))
        return form, files


class _OwnContexts(FlaskClient):
    """A client whose requests share no database session with the test."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        with self.application.app_context():
            return super().open(*args, **options)


def _opened(stack: ExitStack, file: Any) -> Any:
    """Return a file as a client of Flask takes it."""
    if isinstance(file, Path):
        return stack.enter_context(file.open("rb")), file.name
    if isinstance(file, (str, bytes)):
        return io.BytesIO(file.encode("utf-8") if isinstance(file, str) else file), "file"
    return file


@contextmanager
def running(app: Flask) -> Iterator[Runs]:
    """Make it possible to run the plugins of an app that :func:`plugin_app` has made."""
    with serving_data() as data:
        yield Runs(app, data)
