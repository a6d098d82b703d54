"""The workbench: the work of the QHAna UI with only the runner and a browser."""

from flask import Blueprint, Flask

WORKBENCH = Blueprint("workbench", __name__, url_prefix="/workbench")


def register_workbench(app: Flask) -> None:
    """Mount the pages and resources of the workbench."""
    from ...api import ROOT_API
    from . import fragments, pages, recording  # noqa: F401  (add routes, listen)
    from .catalogue import task_title
    from .resources import WORKBENCH_API

    app.jinja_env.globals["task_title"] = task_title
    app.register_blueprint(WORKBENCH)
    ROOT_API.register_blueprint(WORKBENCH_API)
