"""The plugin that checks look at, and how they ask it."""

import io
import sys
import traceback
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import marshmallow as ma
from flask import Flask, url_for
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from ..plugins.loading import QHAnaPluginBase
from ..testing.running import Runs, form_schemas
from ..util.error_text import name_and_text
from ..util.library_folders import is_authors_code
from .findings import Finding
from .page import Control, Page, read_page

ROWS = [{"ID": str(i), "href": "", "x": i, "y": i * i % 7} for i in range(1, 9)]
"""The entities that a plugin gets for trial."""


class Answer:
    """What a view does with a request.

    Attributes:
        cause: why it has failed; ``None`` when it has not
        place: where in the plugin it has
    """

    def __init__(self, response: TestResponse | None, error: Exception | None) -> None:
        self._response, self.error = response, error
        self.cause: str | None = None
        self.place: str | None = None
        if error is not None:
            self.cause = name_and_text(error)
            self.place = _innermost(error)
        elif self.status >= 400 and self.status != 503:  # a service or setting is missing
            self.cause = f"it answers {self.response.status}{self._errors()}"

    @property
    def response(self) -> TestResponse:
        """The response; there is one unless the view has raised an error."""
        assert self._response is not None
        return self._response

    @property
    def status(self) -> int:
        """The status; 500 after an error."""
        return 500 if self._response is None else self._response.status_code

    def _errors(self) -> str:
        found = self.response.get_json(silent=True)
        errors = (
            found.get("errors") or found.get("message") if isinstance(found, dict) else ""
        )
        return f" ({errors})" if errors else ""


def _innermost(error: Exception) -> str | None:
    """Return file and line of the last frame that is neither the runner's nor a library's."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_authors_code(frame.filename):
            return f"{frame.filename}:{frame.lineno}"
    return None


class Subject:
    """A plugin that is checked.

    Attributes:
        app: that serves it
        plugin: the plugin
        client: asks it
        runs: runs it; ``None`` where it is only asked
    """

    def __init__(
        self,
        app: Flask,
        plugin: QHAnaPluginBase,
        client: FlaskClient,
        runs: Runs | None = None,
    ) -> None:
        self.app, self.plugin, self.client, self.runs = app, plugin, client, runs
        self._server = app.config["SERVER_NAME"] or "localhost"
        module = sys.modules.get(type(plugin).__module__)
        self.file = str(getattr(module, "__file__", None) or type(plugin).__module__)

    def finding(self, code: str, place: str | None = None, **details: Any) -> Finding:
        """Make a finding about this plugin; the place may be a URL."""
        place = place or self.file
        place = urlsplit(place).path if place.startswith("http:") else place
        return Finding.of(code, self.plugin.identifier, place, **details)

    def ask(self, url: str, method: str = "GET", **options: Any) -> Answer:
        """Send a request to a view."""
        try:
            options = {"base_url": f"http://{self._server}/", "method": method, **options}
            return Answer(self.client.open(url, **options), None)
        except Exception as error:  # the app does not handle errors while it is tested
            return Answer(None, error)

    @cached_property
    def root(self) -> str:
        """The URL of the metadata."""
        with self.app.test_request_context("/", base_url=f"http://{self._server}/"):
            return url_for(
                "plugins-api.PluginView", plugin=self.plugin.identifier, _external=True
            )

    @cached_property
    def metadata_answer(self) -> Answer:
        """What asking for the metadata gives."""
        return self.ask(self.root, headers={"Accept": "application/json"})

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The metadata; empty when there is none."""
        answer = self.metadata_answer
        found = None if answer.cause else answer.response.get_json(silent=True)
        return found if isinstance(found, dict) else {}

    @property
    def entry_point(self) -> dict[str, Any]:
        """The entry point; empty when there is none."""
        found = self.metadata.get("entryPoint")
        return found if isinstance(found, dict) else {}

    def link(self, key: str) -> str | None:
        """Return a link of the entry point, absolute; ``None`` when it is not to this runner."""
        href = self.entry_point.get(key)
        url = urljoin(self.root, href) if isinstance(href, str) and href else None
        same = url is not None and urlsplit(url).netloc == self._server
        return url if same else None

    def takes(self, url: str, method: str) -> bool:
        """Whether there is a route for a URL."""
        path = unquote(urlsplit(url).path)
        return bool(self.app.url_map.bind("").test(path, method))

    @cached_property
    def fields(self) -> dict[str, ma.fields.Field[Any]]:
        """What the processing endpoint takes, by key."""
        url = self.link("href")
        return {
            each.data_key or name: each
            for location, schema in (form_schemas(self.app, url) if url else ())
            if location in ("form", "files", "json", "query")
            for name, each in schema.fields.items()
            if not each.dump_only
        }

    @cached_property
    def form_answer(self) -> Answer | None:
        """What asking for the empty form gives; ``None`` without a form."""
        url = self.link("uiHref")
        return self.ask(url) if url and self.takes(url, "GET") else None

    @cached_property
    def page(self) -> Page | None:
        """The empty form; ``None`` when there is none, or it is made by a script."""
        answer = self.form_answer
        if answer is None or answer.cause or "html" not in answer.response.content_type:
            return None
        page = read_page(answer.response.text, self.link("uiHref") or "")
        return page if page.controls else None

    @property
    def lacking(self) -> list[str]:
        """The required fields that the form does not have."""
        return [
            name
            for name, field in self.fields.items()
            if field.required and self.page is not None and not self.page.control(name)
        ]

    @cached_property
    def filled_in(self) -> MultiDict[str, Any] | None:
        """What the form sends when somebody has filled in what is required.

        ``None`` when nobody knows what to fill in, as for text of a special form.
        """
        page = self.page
        if page is None:
            return None
        form: MultiDict[str, Any] = MultiDict()
        for control in page.controls:
            value: Any = control.value
            if not value and self._is_needed(control):
                value = self._example(control)
                if value is None:
                    return None
            if value is not None and control.type not in ("submit", "button", "reset"):
                form.add(control.name, value)
        return form

    def _is_needed(self, control: Control) -> bool:
        field = self.fields.get(control.name)
        is_data = control.attributes.get("data-input-type") == "data"
        is_required = control.is_required or (field is not None and field.required)
        return is_data or is_required

    def _example(self, control: Control) -> Any:
        attributes, kind = control.attributes, control.type
        field = self.fields.get(control.name)
        metadata = field.metadata if field is not None else {}
        picks = attributes.get("data-input-type")
        if kind == "file":
            return io.BytesIO(b"ID,href,x,y\n1,,1,2\n2,,3,4\n3,,0,1\n"), "entities.csv"
        if picks == "data" or metadata.get("data_input_type"):
            return self._data(metadata.get("data_content_types") or ["text/csv"])
        if picks == "plugin":
            return None
        if control.options or kind == "select":  # which may have nothing to choose
            return next(filter(None, control.options), None)
        if kind == "checkbox":
            return attributes.get("value", "on")
        if kind in ("number", "range"):
            return attributes.get("min") or attributes.get("max") or "1"
        texts = {
            "date": "2026-01-31",
            "datetime-local": "2026-01-31T12:00",
            "time": "12:00",
            "email": "somebody@example.org",
            "color": "#336699",
            "url": None,
        }
        if kind in texts:
            return texts[kind]
        if attributes.get("pattern") or (field is not None and _is_special(field)):
            return None
        shortest = int(attributes.get("minlength") or 1)
        longest = int(attributes.get("maxlength") or 1000)
        return ("example " * shortest)[: max(7, shortest)].ljust(shortest, "x")[:longest]

    def _data(self, types: Any) -> str | None:
        """Serve entities in one of these types, and return their URL."""
        known = {"text/csv": "csv", "application/json": "json", "*": "csv", "*/*": "csv"}
        for each in [types] if isinstance(types, str) else types:
            if self.runs and (suffix := known.get(each)):
                return self.runs.data.put(ROWS, f"entities.{suffix}")
        return None


def _is_special(field: ma.fields.Field[Any]) -> bool:
    """Whether only certain texts are taken that a page does not tell of."""
    return type(field) is not ma.fields.String or any(
        isinstance(each, ma.validate.Regexp) for each in field.validators
    )
