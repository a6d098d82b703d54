"""The defaults of the OpenAPI document and its pages, as classes for ``from_object``."""

from .settings import SETTINGS


class SmorestProductionConfig:
    """The settings named ``API_*`` and ``OPENAPI_*``."""


class SmorestDebugConfig(SmorestProductionConfig):
    """The same: the documents do not differ in debug mode."""


for _setting in SETTINGS:
    if _setting.name.startswith(("API_", "OPENAPI_")):
        setattr(SmorestProductionConfig, _setting.name, _setting.default)
