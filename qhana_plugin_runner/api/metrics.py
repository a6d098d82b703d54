"""The metrics of the runner, for Prometheus."""

from flask import Blueprint, Response, current_app, request

from ..operations.metrics import metrics_of
from ..security.details import require_details
from ..security.tokens import Role

METRICS_API = Blueprint("metrics", __name__)


@METRICS_API.get("/metrics")
def metrics() -> Response:
    """The metrics, as Prometheus reads them; see [](../how-to/metrics.md)."""
    if current_app.config["AUTH_MODE"] != "token":  # that looks at the role itself
        require_details(Role.READ)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    text, content_type = metrics_of(app).show(request.headers.get("Accept", ""))
    return Response(text, content_type=content_type)
