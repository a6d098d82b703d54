from typing import Optional

from celery.utils.log import get_task_logger

from qhana_plugin_runner.celery import CELERY

from . import Optics

TASK_LOGGER = get_task_logger(__name__)


@CELERY.task(name=f"{Optics.instance.identifier}.cluster", bind=True)
def cluster(self, db_id: int) -> Optional[str]:
    TASK_LOGGER.info("clustering for task %s", db_id)
    return "clustered"
