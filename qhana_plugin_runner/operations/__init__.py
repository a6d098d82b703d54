"""Work that the runner does by itself, in the worker and web processes, without a scheduler.

Each job is a module of its own. Jobs bear that they are run twice at the same time.
"""

from flask import Flask

from .loop import JOBS, Maintenance, runs_maintenance

__all__ = ["JOBS", "Maintenance", "register_maintenance", "runs_maintenance"]


def register_maintenance(app: Flask) -> None:
    """Prepare the maintenance; the processes that do it start :class:`Maintenance`."""
    app.extensions["qhana_maintenance"] = Maintenance(app)
