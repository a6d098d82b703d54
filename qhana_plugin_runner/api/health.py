"""``/health/live`` and ``/health/ready``: for probes, load balancers and monitoring."""

from collections.abc import Mapping

from flask import Blueprint, Flask, Response, current_app, jsonify

from ..operations.health import Result, Status, check_health, report
from ..security.details import may_see_details

HEALTH = Blueprint("health", __name__, url_prefix="/health")


@HEALTH.get("/live")
def live() -> Response:
    """Tell that this process answers, and look at nothing else."""
    return _fresh(jsonify(status=Status.OK))


@HEALTH.get("/ready")
def ready() -> Response:
    """Tell whether this process can serve (503 if not), and what else is wrong."""
    results = check_health()
    answer = report(results.values(), _may_see_details(results))
    response = _fresh(jsonify(answer))
    if answer["status"] is Status.UNAVAILABLE:
        response.status_code = 503
    return response


def _may_see_details(results: Mapping[str, Result]) -> bool:
    """Tell who asks, unless only a database can that is away: an answer must not wait for it."""
    if current_app.config["AUTH_MODE"] == "token" and "database" in results:
        if results["database"].status is Status.UNAVAILABLE:
            return False
    return may_see_details()


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def register_health_routes(app: Flask) -> None:
    """Mount the routes, which stay the same whatever the prefix of the API is."""
    app.register_blueprint(HEALTH)
