"""A visualisation with a form that asks for all that a host can choose."""

from flask import render_template_string, request, url_for
from flask.views import MethodView

from qhana_plugin_runner.api.plugin_schemas import (
    EntryPoint,
    InputDataMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import (
    FileUrl,
    FrontendFormBaseSchema,
    PluginUrl,
    SecurityBlueprint,
)
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

NAME, VERSION = "picture", "v1.0.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)

PICTURE_BLP = SecurityBlueprint(IDENTIFIER, __name__, description="Pictures of data.")

PAGE = """
{% extends "simple_template.html" %}
{% block head %}<style>#picture { height: 5rem; }</style>{% endblock %}
{% block content %}
<p id="picture">{{ data_url }}</p>
<p id="place"></p>
{{ super() }}
{% endblock %}
{% block script %}
<script>
  window._qhana_microfrontend_state.messageHandler = function (event) {
    if (event.data && event.data.type === "plugin-context") {
      document.getElementById("place").textContent = event.data.location;
    }
    return false;
  };
</script>
{% endblock %}
"""


class Picture(QHAnaPluginBase):
    name = NAME
    version = VERSION
    description = "Draws data."
    tags = ["visualization"]

    def get_api_blueprint(self):
        return PICTURE_BLP


class PictureSchema(FrontendFormBaseSchema):
    data = FileUrl(data_input_type="entity/*", metadata={"label": "Entities"})
    other = FileUrl(
        metadata={"label": "Other", "related_to": "data", "relation": "post"},
    )
    helper = PluginUrl(metadata={"label": "Helper", "plugin_tags": ["hello-world"]})


@PICTURE_BLP.route("/")
class MetadataView(MethodView):
    """What the plugin is."""

    @PICTURE_BLP.response(200, PluginMetadataSchema())
    def get(self):
        """The metadata."""
        return PluginMetadata(
            title="Picture",
            description=Picture.description,
            name=NAME,
            version=VERSION,
            type=PluginType.visualization,
            entry_point=EntryPoint(
                href=url_for(f"{IDENTIFIER}.MicroFrontend"),
                ui_href=url_for(f"{IDENTIFIER}.MicroFrontend"),
                data_input=[
                    InputDataMetadata(
                        data_type="entity/*",
                        content_type=["*"],
                        required=True,
                        parameter="data",
                    )
                ],
            ),
            tags=Picture.tags,
        )


@PICTURE_BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form and the picture."""

    @PICTURE_BLP.html_response(200, description="The form.")
    def get(self):
        """The form and the picture, or an error of a kind that is asked for."""
        fail = request.args.get("fail")
        if fail == "json":
            return {"code": 418, "errors": {"form": {"a": ["Brewed."]}}}, 418
        if fail == "html":
            return "<p>Brewed.</p>", 418
        if fail == "xml":
            return "<pot>Brewed.</pot>", 418, {"Content-Type": "application/xml"}
        page = render_template_string(
            PAGE,
            name=NAME,
            schema=PictureSchema(),
            values=request.args,
            data_url=request.args.get("data-url", ""),
        )
        return page, 422 if fail == "form" else 200
