"""The REST API for clients and plugins. Views are thin; queries live in the models."""

from ..forms.fields import EnumField
from ..util.flask_app import RunnerFlask
from . import (  # noqa: F401  (add their routes to FILES_API and TASKS_API)
    task_list,
    task_log,
    task_webhooks,
    uploads,
)
from .files import FILES_API
from .form_schemas import SCHEMAS_API, register_schema_links
from .jwt import SECURITY_SCHEMES, register_jwt
from .metrics import METRICS_API
from .openapi import ROOT_API, api_path
from .plugins import PLUGINS_API
from .root import ROOT_ENDPOINT
from .tasks import TASKS_API
from .util import MaBaseSchema

__all__ = [
    "EnumField",
    "MaBaseSchema",
    "ROOT_API",
    "SECURITY_SCHEMES",
    "api_path",
    "register_api",
]


def register_api(app: RunnerFlask) -> None:
    """Mount the runner's own endpoints."""
    register_jwt(app)
    ROOT_API.init_app(app)
    for blueprint in (ROOT_ENDPOINT, PLUGINS_API, TASKS_API, FILES_API, SCHEMAS_API):
        path = api_path(app, blueprint.url_prefix or "")
        ROOT_API.register_blueprint(blueprint, url_prefix=path)
    app.register_blueprint(METRICS_API)
    register_schema_links(app)
    if api_path(app, "/") != "/":  # people and the launcher look for the runner here, too
        app.add_url_rule("/", "entrance", app.view_functions["api-root.RootView"])
