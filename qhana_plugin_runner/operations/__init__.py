"""Work that the runner does by itself, without a scheduler.

``flask maintenance`` does it in a process of its own; where the setting ``MAINTENANCE`` is on, web
processes do it, too. A lease in the database makes sure that each job is done by one process at
a time.
"""

from ..util.flask_app import RunnerFlask
from .loop import Maintenance, runs_maintenance

__all__ = ["Maintenance", "register_maintenance", "runs_maintenance"]


def register_maintenance(app: RunnerFlask) -> None:
    """Prepare the maintenance, which web processes start with their first request at the latest."""
    app.extensions["qhana_maintenance"] = maintenance = Maintenance(app)
    if runs_maintenance(app):
        app.environ_funcs.append(maintenance.start_with_request)
