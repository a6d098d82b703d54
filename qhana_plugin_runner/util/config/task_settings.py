"""The settings of what happens to tasks: supervision, cancelling, retention, webhooks."""

from .checks import as_bool, as_count, as_seconds
from .setting import Setting

TASK_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "MAINTENANCE",
        as_bool,
        True,
        "Whether the web and worker processes do the maintenance: find lost tasks, call "
        "webhooks, remove what is too old. One of all processes does each of these at a time. "
        "Never done with `TESTING` or a broker in memory.",
        env=("MAINTENANCE",),
    ),
    Setting(
        "MAINTENANCE_LEASE_SECONDS",
        as_seconds,
        9.0,
        "After how long another process takes over the maintenance from one that has died.",
    ),
    Setting(
        "TASK_HEARTBEAT_SECONDS",
        as_seconds,
        3.0,
        "How often a worker tells which tasks it has. One that is silent for five times as long, "
        "and has no connection to the broker either, is taken for dead.",
    ),
    Setting(
        "TASK_CHECK_SECONDS",
        as_seconds,
        15.0,
        "How often the runner looks for lost tasks. What is missing twice in a row is lost.",
    ),
    Setting(
        "TASK_CANCEL_GRACE_SECONDS",
        as_seconds,
        10.0,
        "How long a task that is cancelled gets between SIGTERM and SIGKILL.",
    ),
    Setting(
        "TASK_WAITING_DAYS",
        as_count,
        None,
        "After how many days a task that waits (for a person, a webhook, another runner) fails; "
        "never when it is not set.",
    ),
)
