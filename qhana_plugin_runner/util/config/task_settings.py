"""The settings of what happens to tasks: supervision, cancelling, retention, webhooks."""

from .checks import (
    as_bool,
    as_count,
    as_days,
    as_queues,
    as_seconds,
    as_text,
    as_webhook_secrets,
)
from .setting import Setting

TASK_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "MAINTENANCE",
        as_bool,
        True,
        "Whether web processes do the maintenance: find lost tasks, call webhooks, remove what is "
        "too old. One of all processes does each of these at a time. Switch it off where "
        "`flask maintenance` runs. Never done with `TESTING` or a broker in memory.",
        env=("MAINTENANCE",),
    ),
    Setting(
        "MAINTENANCE_LEASE_SECONDS",
        as_seconds,
        9.0,
        "After how long another process takes over the maintenance from one that has died.",
    ),
    Setting(
        "TASK_QUEUES",
        as_queues,
        {},
        "Patterns of plugin identifiers (`*-quantum@*`) with the queue that their tasks go to; the "
        "first that fits. A worker takes from all queues, or from those it is given with "
        "`invoke worker --queues`.",
        env=("TASK_QUEUES",),
    ),
    Setting(
        "TASK_HEARTBEAT_SECONDS",
        as_seconds,
        1.0,
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
        "TASK_SHUTDOWN_SECONDS",
        as_seconds,
        30.0,
        "How long running tasks may go on when their worker is told to stop (SIGTERM). Then those "
        "with several `attempts` are queued again, which does not count as an attempt; others fail "
        "with this reason. What has not begun is queued again at once.",
        env=("TASK_SHUTDOWN_SECONDS",),
    ),
    Setting(
        "WORKER_HEARTBEAT_FILE",
        as_text,
        None,
        "A file that a worker touches with each heartbeat, so that a container engine or service "
        "manager sees by its age whether the worker lives, without asking it. Each worker needs "
        "its own.",
        env=("WORKER_HEARTBEAT_FILE",),
    ),
    Setting(
        "TASK_TIME_LIMIT_SECONDS",
        as_seconds,
        None,
        "How long one Celery task may run, if it has no `time_limit` of its own; without end when "
        "it is not set. Only where tasks have processes of their own (pool `prefork`).",
        env=("TASK_TIME_LIMIT_SECONDS",),
    ),
    Setting(
        "TASK_WORKING_FOLDER",
        as_bool,
        True,
        "Whether each task works in an empty folder of its own (pools `prefork` and `solo`), which "
        "is removed when the task ends. Switch it off for plugins whose tasks open files relative "
        "to the folder in which the worker was started.",
        env=("TASK_WORKING_FOLDER",),
    ),
    Setting(
        "TASK_WAITING_DAYS",
        as_count,
        None,
        "How many days after it was made a task that waits (for a person, a webhook, another "
        "runner) fails; never when it is not set.",
    ),
    Setting(
        "TASK_MAX_PER_CLIENT",
        as_count,
        None,
        "How many tasks a client may have under way, those that wait for a step included; one more "
        "is answered with 429. A client is the subject of a token, or else an address. No limit "
        "when it is not set.",
        env=("TASK_MAX_PER_CLIENT",),
    ),
    Setting(
        "TASK_MAX_RESULT_BYTES",
        as_count,
        None,
        "How many bytes all stored files of a task, temporary ones included, may take; the task "
        "fails that stores more. No limit when it is not set.",
        env=("TASK_MAX_RESULT_BYTES",),
    ),
    Setting(
        "TASK_MAX_MEMORY_BYTES",
        as_count,
        None,
        "How many bytes of memory a Celery task may take beside what its process has already; one "
        "that needs more fails. Counted is the address space, of which libraries reserve more than "
        "they use; processes that a task starts count for themselves. No limit when it is not set. "
        "Only with the pool `prefork`, and Linux.",
        env=("TASK_MAX_MEMORY_BYTES",),
    ),
    Setting(
        "STATUS_WAITERS",
        as_count,
        4,
        "How many requests for the status of a task may wait for a change (`Prefer: wait`) in "
        "each web process; each occupies a thread. More are answered at once.",
    ),
    Setting(
        "STATUS_WAITERS_PER_CLIENT",
        as_count,
        None,
        "How many of these may be of one client (see `TASK_MAX_PER_CLIENT`); all when it is not set.",
        env=("STATUS_WAITERS_PER_CLIENT",),
    ),
    Setting(
        "RETENTION_FINISHED_DAYS",
        as_days,
        None,
        "How many days a task is kept after its end; then it is removed with its results and "
        "all else. For ever when it is not set.",
        env=("RETENTION_FINISHED_DAYS",),
    ),
    Setting(
        "RETENTION_TEMP_FILE_DAYS",
        as_days,
        None,
        "How many days the temporary files of a task are kept after its end. As long as the "
        "task when it is not set.",
        env=("RETENTION_TEMP_FILE_DAYS",),
    ),
    Setting(
        "RETENTION_ORPHAN_DAYS",
        as_days,
        None,
        "How many days files below `task_<id>/` are kept that belong to no row of the database. "
        "For ever when it is not set. No other runner may keep files in the same place.",
        env=("RETENTION_ORPHAN_DAYS",),
    ),
    Setting(
        "RETENTION_INTERVAL_SECONDS",
        as_seconds,
        3600.0,
        "How often the runner looks for what is kept too long.",
    ),
    Setting(
        "WEBHOOK_INTERVAL_SECONDS",
        as_seconds,
        # A subscriber is told within a second; looking costs one query.
        0.5,
        "How often the runner looks whether webhooks are to be called.",
    ),
    Setting(
        "WEBHOOK_SECRET",
        as_webhook_secrets,
        None,
        "Signs the calls of webhooks in the Standard Webhooks format: `whsec_` and 24 to 64 "
        "random bytes in base64. With several, separated by spaces, there is a signature for "
        "each of them. Calls are not signed when it is not set.",
        env=("WEBHOOK_SECRET",),
        secret=True,
    ),
    Setting(
        "WEBHOOK_LOG_DAYS",
        as_count,
        # Long enough to be asked about a task of last month's report.
        30,
        "For how many days the runner remembers which webhooks it has called, and what came "
        "of it.",
    ),
)
