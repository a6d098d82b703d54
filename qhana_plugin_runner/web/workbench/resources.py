"""JSON endpoints used by the workbench scripts."""

from typing import Any

import marshmallow as ma
from flask import jsonify
from flask.views import MethodView
from flask_babel import gettext as _
from flask_smorest import abort

from ...api.tasks import abort_unknown, require_row_id
from ...api.util import MaBaseSchema, SecurityBlueprint
from .catalogue import find_plugin_by_url
from .file_urls import file_facts, find_file
from .preview import Limits, preview_of
from .queries import UrlQuerySchema
from .runs import find_run, find_task, save_run

WORKBENCH_API = SecurityBlueprint(
    "workbench-api",
    __name__,
    url_prefix="/workbench",
    description="Files, plugins and runs for the scripts of the runner's own pages.",
)

MAX_INPUTS = 1_000
"""Files that one form may name: far more than any does."""


class RunSchema(MaBaseSchema):
    plugin = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1, max=500),
        metadata={"description": "The identifier of the plugin whose form it was."},
    )
    form_data = ma.fields.String(
        required=True,
        metadata={
            "description": "The values, as application/x-www-form-urlencoded. Private ones "
            "(`***`), uploaded files and values of more than 1 MiB are not saved."
        },
    )
    data_inputs = ma.fields.List(
        ma.fields.String(),
        required=True,
        validate=ma.validate.Length(max=MAX_INPUTS),
        metadata={"description": "The URLs of the files among them."},
    )


class NewRunSchema(RunSchema):
    class Meta:
        unknown = ma.EXCLUDE

    result_url = ma.fields.String(
        required=True, metadata={"description": "The URL of the task that was started."}
    )


@WORKBENCH_API.route("/runs/")
class RunsView(MethodView):
    """The values with which tasks were started."""

    @WORKBENCH_API.arguments(NewRunSchema(), location="json")
    @WORKBENCH_API.response(204)
    @WORKBENCH_API.alt_response(404, description="The runner has no such task.")
    def post(self, run: dict[str, Any]) -> None:
        """Save the values with which a task was started."""
        task_id = find_task(run["result_url"])
        if task_id is None:
            abort(404, message=_("The URL does not belong to a task of this runner."))
        save_run(task_id, run["plugin"], run["form_data"], run["data_inputs"])


@WORKBENCH_API.route("/runs/<string:task_id>/")
class RunView(MethodView):
    """The values with which one task was started."""

    @WORKBENCH_API.response(200, RunSchema())
    @WORKBENCH_API.alt_response(404, description="No values are saved for this task.")
    def get(self, task_id: str) -> Any:
        """The values with which a task was started, to start another one."""
        run = find_run(require_row_id(task_id))
        if run is None or run.form_data is None:
            abort_unknown(task_id)
        return run


class FileFactsSchema(MaBaseSchema):
    href = ma.fields.String(required=True)
    data_type = ma.fields.String()
    content_type = ma.fields.String()
    filename = ma.fields.String()


_NOTHING = "", 204
"""Most URLs that people enter are unknown, which is not an error."""


@WORKBENCH_API.route("/file-facts")
class FileFactsView(MethodView):
    """Facts about a file."""

    @WORKBENCH_API.arguments(UrlQuerySchema(), location="query")
    @WORKBENCH_API.response(200, FileFactsSchema())
    @WORKBENCH_API.alt_response(
        204, description="The URL is not that of a file of this runner."
    )
    def get(self, query: dict[str, str]) -> Any:
        """The types and the name of the file with a URL, which is not fetched."""
        file = find_file(query["url"])
        return _NOTHING if file is None else file_facts(file)


MAX_ATTRIBUTES = 1_000
"""Names that a form suggests; nobody reads more."""


@WORKBENCH_API.route("/attributes")
class AttributesView(MethodView):
    """The attributes of entities."""

    @WORKBENCH_API.arguments(UrlQuerySchema(), location="query")
    @WORKBENCH_API.response(200, {"type": "array", "items": {"type": "string"}})
    def get(self, query: dict[str, str]) -> Any:
        """The names of the attributes in the file with a URL, for forms to suggest.

        Those of its first entities; none when it is not a file of this runner.
        """
        file = find_file(query["url"])
        limits = Limits(rows=10, columns=MAX_ATTRIBUTES, text=0)
        return jsonify(file and preview_of(file, limits).columns or [])


class PluginFactsSchema(MaBaseSchema):
    plugin_url = ma.fields.String(required=True, attribute="metadata_url")
    plugin_name = ma.fields.String(required=True, attribute="name")
    plugin_version = ma.fields.String(required=True, attribute="version")


@WORKBENCH_API.route("/plugin-facts")
class PluginFactsView(MethodView):
    """Facts about a plugin."""

    @WORKBENCH_API.arguments(UrlQuerySchema(), location="query")
    @WORKBENCH_API.response(200, PluginFactsSchema())
    @WORKBENCH_API.alt_response(
        204, description="The URL is not that of a plugin of this runner."
    )
    def get(self, query: dict[str, str]) -> Any:
        """The name and the version of the plugin with a URL, which is not fetched."""
        return find_plugin_by_url(query["url"]) or _NOTHING
