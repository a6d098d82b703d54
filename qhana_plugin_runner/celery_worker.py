"""What a worker process loads: ``celery --app qhana_plugin_runner.celery_worker:CELERY worker``."""

from . import create_app
from .celery import CELERY

__all__ = ["CELERY"]

create_app()
