"""What a worker process loads: ``celery --app qhana_plugin_runner.celery_worker:CELERY worker``."""

import os

from . import create_app

# Else the threads of numeric libraries keep processors busy while they wait for each other, and tasks
# that share the processors take a multiple of their time. Libraries read these when they are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # they sleep after 2 ** 4 cycles

# It imports nearly all that the modules below need, and looks for no garbage meanwhile.
create_app()

from .celery import CELERY  # noqa: E402
from .worker.bootstep import Supervision  # noqa: E402
from .worker.wake import WakeUp  # noqa: E402

__all__ = ["CELERY"]

CELERY.steps["worker"].add(Supervision)
CELERY.steps["consumer"].add(WakeUp)
