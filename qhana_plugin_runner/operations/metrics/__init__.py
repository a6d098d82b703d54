"""Metrics for Prometheus: what the processes of a service count, and what all of them share.

Web processes show both at ``/metrics``. Workers, and ``flask maintenance``, show what they count
where ``METRICS_PORT`` says so. With ``scripts/run`` and without that port they share the folder of
the web processes, which show it.
"""

from functools import cache

from celery.signals import worker_init

from ...util.flask_app import RunnerFlask
from .service import Metrics, count_requests, metrics_of

__all__ = ["Metrics", "metrics_of", "register_metrics"]


def register_metrics(app: RunnerFlask) -> None:
    """Count the requests of an app; its first one, or the start of a worker, begins with it."""
    app.extensions["qhana_metrics"] = metrics = Metrics(app)
    count_requests(app, metrics)
    _listen()


@cache  # signals belong to the process
def _listen() -> None:
    worker_init.connect(_worker_begins)


def _worker_begins(**_kwargs: object) -> None:
    from ...celery import CELERY

    if CELERY.flask_app is not None and metrics_of(CELERY.flask_app).begin():
        from .work import count_work  # now that it is known where to count

        count_work()
