"""``/health/live`` and ``/health/ready``: for probes, load balancers and monitoring."""

from flask import Blueprint, Flask, Response, jsonify

from ..operations.health import Status, check_health, report
from ..security.details import may_see_details

__all__ = ["register_health_routes"]

HEALTH = Blueprint("health", __name__, url_prefix="/health")


@HEALTH.get("/live")
def live() -> Response:
    """Tell that this process answers, and look at nothing else."""
    return _fresh(jsonify(status=Status.OK))


@HEALTH.get("/ready")
def ready() -> Response:
    """Tell whether this process can serve (503 if not), and what else is wrong."""
    answer = report(check_health().values(), may_see_details())
    response = _fresh(jsonify(answer))
    if answer["status"] is Status.UNAVAILABLE:
        response.status_code = 503
    return response


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def register_health_routes(app: Flask) -> None:
    """Mount the routes, which stay the same whatever the prefix of the API is."""
    app.register_blueprint(HEALTH)
