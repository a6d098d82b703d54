"""What a worker process loads: ``celery --app qhana_plugin_runner.celery_worker:CELERY worker``."""

import gc

from . import create_app
from .celery import CELERY
from .worker.bootstep import Supervision
from .worker.wake import WakeUp

__all__ = ["CELERY"]

create_app()
gc.freeze()  # what is loaded stays in pages of memory that the processes of the pool share
CELERY.steps["worker"].add(Supervision)
CELERY.steps["consumer"].add(WakeUp)
