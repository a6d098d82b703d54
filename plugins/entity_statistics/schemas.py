"""The form."""

import marshmallow as ma
from flask_smorest.fields import Upload

from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema

CONTENT_TYPES = ["text/csv", "application/json", "application/X-lines+json"]


class EntitiesUrlSchema(FrontendFormBaseSchema):
    entities_url = FileUrl(
        load_default=None,
        allow_none=True,
        data_input_type="entity/list",
        data_content_types=CONTENT_TYPES,
        metadata={
            "label": "Entities",
            "description": "The URL of a CSV or JSON entity file.",
        },
    )


class EntitiesFileSchema(FrontendFormBaseSchema):
    entities_file = Upload(
        load_default=None,
        metadata={
            "label": "or a file",
            "description": "An entity file from your computer.",
        },
    )


class StatisticsSchema(EntitiesFileSchema, EntitiesUrlSchema):
    """All fields of the form; those of the last base come first."""


class TaskParametersSchema(ma.Schema):
    """What the task gets to know: where the entities are, and what the sender calls them."""

    url = ma.fields.String(required=True)
    content_type = ma.fields.String(load_default=None, allow_none=True)
