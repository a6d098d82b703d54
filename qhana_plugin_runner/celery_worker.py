"""What a worker process loads: ``celery --app qhana_plugin_runner.celery_worker:CELERY worker``."""

from . import create_app
from .celery import CELERY
from .worker.bootstep import Supervision
from .worker.wake import WakeUp

__all__ = ["CELERY"]

create_app()
CELERY.steps["worker"].add(Supervision)
CELERY.steps["consumer"].add(WakeUp)
