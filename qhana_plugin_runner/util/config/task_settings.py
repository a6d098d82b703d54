"""The settings of what happens to tasks: supervision, cancelling, retention, webhooks."""

from . import checks
from .setting import Setting

TASK_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "MAINTENANCE",
        checks.as_bool,
        True,
        "Whether web processes run the maintenance jobs: find lost tasks, call webhooks, and "
        "delete expired data. Each job runs in one process at a time. Turn this off if you run "
        "`flask maintenance`. Maintenance never runs with `TESTING` or an in-memory broker.",
        env=("MAINTENANCE",),
    ),
    Setting(
        "MAINTENANCE_LEASE_SECONDS",
        checks.as_seconds,
        9.0,
        "How long another process waits before it takes over the maintenance jobs of a process "
        "that has died.",
    ),
    Setting(
        "TASK_QUEUES",
        checks.as_queues,
        {},
        "A mapping from patterns of plugin identifiers (`*-quantum@*`) to the queues for their "
        "tasks; the first match wins. By default, a worker consumes all queues; `invoke worker "
        "--queues` limits it to some of them.",
        env=("TASK_QUEUES",),
    ),
    Setting(
        "TASK_HEARTBEAT_SECONDS",
        checks.as_seconds,
        1.0,
        "How often a worker reports which tasks it has. A worker is considered dead if it sends "
        "no heartbeat for five intervals and has no connection to the broker.",
    ),
    Setting(
        "TASK_CHECK_SECONDS",
        checks.as_seconds,
        15.0,
        "How often the runner checks for lost tasks. A task that is missing in two consecutive "
        "checks is lost.",
    ),
    Setting(
        "TASK_CANCEL_GRACE_SECONDS",
        checks.as_seconds,
        10.0,
        "How long a canceled task has between SIGTERM and SIGKILL.",
    ),
    Setting(
        "TASK_SHUTDOWN_SECONDS",
        checks.as_seconds,
        30.0,
        "How long running tasks may continue after their worker gets SIGTERM. After that, tasks "
        "with several `attempts` are requeued, which does not count as an attempt, and other "
        "tasks fail with this reason. Tasks that have not started are requeued immediately.",
        env=("TASK_SHUTDOWN_SECONDS",),
    ),
    Setting(
        "WORKER_HEARTBEAT_FILE",
        checks.as_text,
        None,
        "A file that a worker touches with each heartbeat. The age of the file tells a container "
        "engine or service manager whether the worker is alive. Each worker needs its own file.",
        env=("WORKER_HEARTBEAT_FILE",),
    ),
    Setting(
        "TASK_TIME_LIMIT_SECONDS",
        checks.as_seconds,
        None,
        "The time limit of a Celery task that sets no `time_limit` itself. Works only where each "
        "task has its own process (pool `prefork`). Default: no limit.",
        env=("TASK_TIME_LIMIT_SECONDS",),
    ),
    Setting(
        "TASK_WORKING_FOLDER",
        checks.as_bool,
        True,
        "Whether each task runs in its own empty working folder, which is deleted when the task "
        "ends (pools `prefork` and `solo`). Turn this off for plugins whose tasks open files "
        "relative to the folder where the worker was started.",
        env=("TASK_WORKING_FOLDER",),
    ),
    Setting(
        "TASK_WAITING_DAYS",
        checks.as_count,
        None,
        "The number of days after its creation when a task fails that is still waiting for a "
        "person, a webhook, or another runner. Default: never.",
    ),
    Setting(
        "TASK_MAX_PER_CLIENT",
        checks.as_count,
        None,
        "The maximum number of unfinished tasks per client, including tasks that wait for a "
        "step. Further submits get status 429. A client is identified by the subject of its "
        "token, or by its address. Default: no limit.",
        env=("TASK_MAX_PER_CLIENT",),
    ),
    Setting(
        "TASK_MAX_RESULT_BYTES",
        checks.as_count,
        None,
        "The maximum total size of the stored files of a task, including temporary files, in "
        "bytes. A task that stores more fails. Default: no limit.",
        env=("TASK_MAX_RESULT_BYTES",),
    ),
    Setting(
        "TASK_MAX_MEMORY_BYTES",
        checks.as_count,
        None,
        "The maximum memory that a Celery task may allocate in addition to what its process "
        "already uses, in bytes. A task that needs more fails. The limit applies to address "
        "space, of which libraries reserve more than they use, and to each child process "
        "separately. Works only on Linux with the pool `prefork`. Default: no limit.",
        env=("TASK_MAX_MEMORY_BYTES",),
    ),
    Setting(
        "STATUS_WAITERS",
        checks.as_count,
        4,
        "The maximum number of status requests per web process that wait for a change (`Prefer: "
        "wait`); each of them occupies a thread. Further requests are answered immediately.",
    ),
    Setting(
        "STATUS_WAITERS_PER_CLIENT",
        checks.as_count,
        None,
        "The maximum number of these requests per client (see `TASK_MAX_PER_CLIENT`). Default: "
        "`STATUS_WAITERS`.",
        env=("STATUS_WAITERS_PER_CLIENT",),
    ),
    Setting(
        "RETENTION_FINISHED_DAYS",
        checks.as_days,
        None,
        "The number of days to keep a finished task. After that, the task is deleted with its "
        "results and all other data. Default: forever.",
        env=("RETENTION_FINISHED_DAYS",),
    ),
    Setting(
        "RETENTION_TEMP_FILE_DAYS",
        checks.as_days,
        None,
        "The number of days to keep the temporary files of a finished task. Default: as long as "
        "the task.",
        env=("RETENTION_TEMP_FILE_DAYS",),
    ),
    Setting(
        "RETENTION_ORPHAN_DAYS",
        checks.as_days,
        None,
        "The number of days to keep files below `task_<id>/` that no database row refers to. Use "
        "this only if no other runner stores files in the same place. Default: forever.",
        env=("RETENTION_ORPHAN_DAYS",),
    ),
    Setting(
        "RETENTION_INTERVAL_SECONDS",
        checks.as_seconds,
        3600.0,
        "How often the runner checks for expired data.",
    ),
    Setting(
        "WEBHOOK_INTERVAL_SECONDS",
        checks.as_seconds,
        # A subscriber is told within a second; looking costs one query.
        0.5,
        "How often the runner checks for webhooks that are due.",
    ),
    Setting(
        "WEBHOOK_SECRET",
        checks.as_webhook_secrets,
        None,
        "The key that signs webhook calls in the Standard Webhooks format: `whsec_` and 24 to 64 "
        "random bytes in base64. If you set several keys, separated by spaces, each call has a "
        "signature for each of them. Default: calls are not signed.",
        env=("WEBHOOK_SECRET",),
        secret=True,
    ),
    Setting(
        "WEBHOOK_LOG_DAYS",
        checks.as_count,
        # Long enough to be asked about a task of last month's report.
        30,
        "The number of days to keep the log of webhook calls and their results.",
    ),
)
