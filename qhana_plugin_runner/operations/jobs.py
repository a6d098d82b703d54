"""The table of the maintenance jobs."""

from collections.abc import Callable
from typing import NamedTuple

from .lost_tasks import LostTasks
from .retention import apply_retention
from .waiting_tasks import expire_waiting_tasks
from .webhooks.delivery import Delivery


class Job(NamedTuple):
    """Something that is done at intervals, by one process of all.

    Attributes:
        name: names its lease and its thread.
        interval: the setting with the seconds from one end to the next start.
        prepare: called once in a process; returns what does the work once, in an app context, and
            commits what it changes. It must do no harm when two processes run it at once. When it
            returns ``True``, there is more to do, and it is called again without a pause.
    """

    name: str
    interval: str
    prepare: Callable[[], Callable[[], bool | None]]


JOBS = (
    Job("lost-tasks", "TASK_CHECK_SECONDS", lambda: LostTasks().run),
    Job("waiting-tasks", "TASK_CHECK_SECONDS", lambda: expire_waiting_tasks),
    Job("webhook-delivery", "WEBHOOK_INTERVAL_SECONDS", lambda: Delivery().turn),
    Job("retention", "RETENTION_INTERVAL_SECONDS", lambda: apply_retention),
)
