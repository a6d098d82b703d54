from enum import Enum

import marshmallow as ma

from qhana_plugin_runner.api.extra_fields import CSVList, EnumField
from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema, PluginUrl


class MetricEnum(Enum):
    minkowski = "Minkowski"
    cosine = "Cosine"


class OpticsSchema(FrontendFormBaseSchema):
    points_url = FileUrl(
        required=True, data_input_type="entity/vector", data_content_types="text/csv"
    )
    plugin_url = PluginUrl(
        required=False, plugin_tags=["visualization"], plugin_version=">=v0.1.0"
    )
    metric = EnumField(MetricEnum, required=True, metadata={"label": "Metric"})
    method = EnumField(
        MetricEnum, use_value=True, metadata={"options": {"Cosine": "by angle"}}
    )
    weights = CSVList(element_type=ma.fields.Float(), missing=[])
    epsilon = ma.fields.Number(missing=None, validate=ma.validate.Range(min=0))
