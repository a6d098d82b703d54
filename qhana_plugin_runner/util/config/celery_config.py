"""Celery's settings as the runner needs them, each with its reason."""

import os
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

CELERY_QUEUE = "qhana_plugin_runner"

CELERY_PRODUCTION_CONFIG: dict[str, Any] = {
    "broker_url": "redis://localhost:6379",
    "result_backend": "redis://localhost:6379",
    "task_default_queue": CELERY_QUEUE,
    # With pickle, anyone who can write to the broker could run code in the worker.
    "task_serializer": "json",
    "result_serializer": "json",
    "accept_content": ["json"],
    "enable_utc": True,
    "timezone": "UTC",
    # A plugin task may run for hours: a prefetched message would wait behind it while other
    # processes are idle.
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    # save_task_error logs exception and traceback of any failed task.
    "task_store_errors_even_if_ignored": True,
    # Results are read by the task that saves an error, and by views that wait for a preview.
    "result_expires": 24 * 60 * 60,  # seconds
    "broker_connection_retry_on_startup": True,
    # A web request that submits a task must find out soon that the broker is down.
    "task_publish_retry_policy": {
        "max_retries": 2,
        "interval_start": 0,
        "interval_step": 0.2,
        "interval_max": 0.2,
    },
    "broker_transport_options": {
        "socket_connect_timeout": 2,  # seconds; the broker is near
        "socket_keepalive": True,
    },
    "redis_socket_connect_timeout": 2,
    "redis_socket_keepalive": True,
    # The format of log lines is the runner's (LOG_CONFIG), also in workers.
    "worker_hijack_root_logger": False,
}

CELERY_DEBUG_CONFIG: ChainMap[str, Any] = ChainMap({}, CELERY_PRODUCTION_CONFIG)


def merge_celery(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Add one layer to Celery's configuration.

    Results go to the Redis server of the messages until a layer sets another place for them.
    """
    merged = {**before, **given}
    is_redis = str(merged["broker_url"]).startswith(("redis://", "rediss://"))
    if is_redis and before["result_backend"] == before["broker_url"]:
        merged["result_backend"] = given.get("result_backend", merged["broker_url"])
    return merged


def uses_own_broker(settings: Mapping[str, Any]) -> bool:
    """Whether the broker of a runner is the embedded one: settings name no other.

    Args:
        settings: all settings
    """
    if os.environ.get("BROKER_URL"):
        return False
    default = CELERY_PRODUCTION_CONFIG["broker_url"]
    return bool(settings["CELERY"].get("broker_url", default) == default)
