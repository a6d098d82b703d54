"""Clusters entities: the same plugin in the long form."""

from tempfile import SpooledTemporaryFile

import marshmallow as ma
from flask import redirect, render_template, request, url_for
from flask.views import MethodView
from sklearn.cluster import KMeans

from qhana_plugin_runner.api.plugin_schemas import (
    EntryPoint,
    InputDataMetadata,
    OutputDataMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import (
    FileUrl,
    FrontendFormBaseSchema,
    SecurityBlueprint,
)
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    ensure_dict,
    load_entities,
    save_entities,
)
from qhana_plugin_runner.requests import get_mimetype, open_url
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

NAME, VERSION = "k-means", "v0.1.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)
ABOUT = "Clusters entities by their numeric columns with k-means."
CONTENT_TYPES = ["text/csv", "application/json", "application/X-lines+json"]

BLP = SecurityBlueprint(
    IDENTIFIER, __name__, description=ABOUT, template_folder="templates"
)


class KMeansPlugin(QHAnaPluginBase):
    name = NAME
    version = VERSION
    description = ABOUT
    tags = ["clustering"]

    def get_api_blueprint(self):
        return BLP

    def get_requirements(self):
        return "scikit-learn>=1.5"


class KMeansSchema(FrontendFormBaseSchema):
    entities = FileUrl(
        required=True,
        data_input_type="entity/list",
        data_content_types=CONTENT_TYPES,
        metadata={
            "description": "What to cluster. Entities with gaps are left out.",
        },
    )
    clusters = ma.fields.Integer(
        load_default=3,
        validate=ma.validate.Range(min=1, max=100),
        metadata={"description": "How many clusters to make."},
    )
    limit = ma.fields.Integer(
        load_default=None,
        allow_none=True,
        metadata={"description": "How many of the entities to take."},
    )


@BLP.route("/")
class MetadataView(MethodView):
    """What the plugin is and where it is started."""

    @BLP.response(200, PluginMetadataSchema())
    def get(self):
        """The metadata of the plugin."""
        rows = ["application/json"]
        return PluginMetadata(
            title="K means",
            description=ABOUT,
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
                        required=True,
                        parameter="entities",
                    )
                ],
                data_output=[
                    OutputDataMetadata("entity/list", rows, True, "clustered"),
                    OutputDataMetadata("entity/list", rows, True, "clusters"),
                ],
            ),
            tags=KMeansPlugin.tags,
        )


@BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form."""

    @BLP.html_response(200, description="The form, filled with the query.")
    def get(self):
        """The form of the plugin."""
        return self.render(request.args)

    @BLP.html_response(200, description="The form with validation errors.")
    def post(self):
        """The form, checked."""
        return self.render(request.form)

    def render(self, data):
        schema = KMeansSchema()
        errors = schema.validate(data) if data else {}
        return render_template(
            "simple_template.html",
            name=NAME,
            version=VERSION,
            schema=schema,
            values=data,
            errors=errors,
            valid=request.method == "POST" and bool(data) and not errors,
            process=url_for(f"{IDENTIFIER}.ProcessView"),
            help_text=ABOUT,
        )


@BLP.route("/process/")
class ProcessView(MethodView):
    """The start of a task."""

    @BLP.arguments(KMeansSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(303, description="The task.")
    def post(self, arguments):
        """Start a task."""
        task = ProcessingTask(
            task_name=k_means.name, parameters=KMeansSchema().dumps(arguments)
        )
        task.save(commit=True)
        chain = k_means.s(db_id=task.id) | save_task_result.s(db_id=task.id)
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


@CELERY.task(name=f"{IDENTIFIER}.k_means", bind=True)
def k_means(self, db_id):
    """Cluster the entities."""
    task = ProcessingTask.get_by_id(db_id)
    given = KMeansSchema().loads(task.parameters)
    with open_url(given["entities"], stream=True) as response:
        entities = ensure_dict(load_entities(response, get_mimetype(response)))
        rows = [row for row in entities if "NA" not in row.values()][: given["limit"]]
    names = [name for name in rows[0] if rows[0][name].replace(".", "").isdigit()]
    points = [[float(row[name]) for name in names] for row in rows]
    task.progress_value = task.progress_target = len(rows)
    task.progress_unit = ""
    task.save(commit=True)
    fit = KMeans(given["clusters"], n_init=10, random_state=0).fit(points)
    save(
        db_id,
        "clustered",
        (
            {**row, "cluster": int(label)}
            for row, label in zip(rows, fit.labels_, strict=True)
        ),
    )
    save(
        db_id,
        "clusters",
        (
            {"ID": number, **dict(zip(names, center.tolist(), strict=True))}
            for number, center in enumerate(fit.cluster_centers_)
        ),
    )
    clusters = given["clusters"]
    return f"{clusters} clusters of {len(rows)} entities, inertia {fit.inertia_:.4g}."


def save(db_id, name, rows):
    """Save an output."""
    with SpooledTemporaryFile(mode="w") as file:
        save_entities(rows, file, "application/json")
        STORE.persist_task_result(
            db_id, file, f"{name}.json", "entity/list", "application/json"
        )
