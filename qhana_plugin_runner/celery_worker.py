"""What a worker process loads: ``celery --app qhana_plugin_runner.celery_worker:CELERY worker``."""

import os

from . import create_app
from .celery import CELERY
from .worker.bootstep import Supervision
from .worker.wake import WakeUp

__all__ = ["CELERY"]

# Else the threads of numeric libraries keep processors busy while they wait for each other, and tasks
# that share the processors take a multiple of their time. Libraries read these when they are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # they sleep after 2 ** 4 cycles
create_app()
CELERY.steps["worker"].add(Supervision)
CELERY.steps["consumer"].add(WakeUp)
