"""The workbench: the work of the QHAna UI with only the runner and a browser."""

from flask import Blueprint, Flask, Response

from ...api.negotiation import protect

__all__ = ["WORKBENCH", "register_workbench"]

WORKBENCH = Blueprint("workbench", __name__, url_prefix="/workbench")


@WORKBENCH.after_request
def _protect(response: Response) -> Response:
    """Protect responses that have no policy of their own."""
    if "Content-Security-Policy" in response.headers:
        return response
    return protect(response)


def register_workbench(app: Flask) -> None:
    """Mount the pages and resources of the workbench."""
    from ...api import ROOT_API
    from . import fragments, pages  # noqa: F401  (add their routes to WORKBENCH)
    from .catalogue import register_catalogue
    from .resources import WORKBENCH_API

    register_catalogue(app)
    app.register_blueprint(WORKBENCH)
    ROOT_API.register_blueprint(WORKBENCH_API)
