"""The endpoints."""

import marshmallow as ma
from flask import redirect, render_template, request, url_for
from flask.views import MethodView
from flask_smorest import abort

from qhana_plugin_runner.api.plugin_schemas import (
    EntryPoint,
    InputDataMetadata,
    OutputDataMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.content_types import content_type_of

from . import IDENTIFIER, NAME, VERSION, EntityStatistics
from .schemas import (
    CONTENT_TYPES,
    EntitiesFileSchema,
    EntitiesUrlSchema,
    StatisticsSchema,
    TaskParametersSchema,
)
from .tasks import statistics_task

STATISTICS_BLP = SecurityBlueprint(
    IDENTIFIER,
    __name__,
    description=EntityStatistics.description,
    template_folder="templates",
)


@STATISTICS_BLP.route("/")
class MetadataView(MethodView):
    """What the plugin is and where it is started."""

    @STATISTICS_BLP.response(200, PluginMetadataSchema())
    def get(self):
        """The metadata of the plugin."""
        return PluginMetadata(
            title="Entity statistics",
            description=EntityStatistics.description,
            name=NAME,
            version=VERSION,
            type=PluginType.processing,
            entry_point=EntryPoint(
                href=url_for(f"{IDENTIFIER}.ProcessView"),
                ui_href=url_for(f"{IDENTIFIER}.MicroFrontend"),
                data_input=[
                    InputDataMetadata(
                        data_type="entity/list",
                        content_type=CONTENT_TYPES,
                        required=False,
                        parameter="entitiesUrl",
                    )
                ],
                data_output=[
                    OutputDataMetadata(
                        "entity/list", ["application/json"], True, "statistics"
                    ),
                    OutputDataMetadata("custom/report", ["text/html"], True, "report"),
                ],
            ),
            tags=EntityStatistics.tags,
        )


@STATISTICS_BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form."""

    @STATISTICS_BLP.html_response(200, description="The form, filled with the query.")
    def get(self):
        """The form of the plugin."""
        return self.render(request.args)

    @STATISTICS_BLP.html_response(200, description="The form with validation errors.")
    def post(self):
        """The form, checked."""
        return self.render(request.form)

    def render(self, data):
        return render_template(
            "simple_template.html",
            name=NAME,
            version=VERSION,
            schema=StatisticsSchema(),
            values=data,
            errors=EntitiesUrlSchema().validate(data) if data else {},
            process=url_for(f"{IDENTIFIER}.ProcessView"),
            help_text="Enter the URL of an entity file **or** choose a file.",
        )


@STATISTICS_BLP.route("/process/")
class ProcessView(MethodView):
    """The start of a task."""

    @STATISTICS_BLP.arguments(EntitiesFileSchema(unknown=ma.EXCLUDE), location="files")
    @STATISTICS_BLP.arguments(EntitiesUrlSchema(unknown=ma.EXCLUDE), location="form")
    @STATISTICS_BLP.response(303, description="The task.")
    def post(self, files, form):
        """Start the statistics of an entity file."""
        file, url = files["entities_file"], form["entities_url"]
        if bool(file) == bool(url):
            reason = ["Give either a URL or a file."]
            abort(422, errors={"form": {"entitiesUrl": reason}})
        task = ProcessingTask(task_name=statistics_task.name)
        task.save(commit=True)
        content_type = None
        if file:
            content_type = content_type_of(file.content_type, file.filename)
            kept = STORE.persist_task_temp_file(
                task.id, file.stream, file.filename or "file", content_type
            )
            url = STORE.get_task_file_url(kept, external=False)
        task.parameters = TaskParametersSchema().dumps(
            {"url": url, "content_type": content_type}
        )
        task.save(commit=True)
        chain = statistics_task.s(db_id=task.id) | save_task_result.s(db_id=task.id)
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)
