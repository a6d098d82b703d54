"""The check of the broker: whether it answers, keeps what it is given, and has room."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _
from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

from ...celery import CELERY
from ...tasking.broker import in_flight
from .result import Outcome, Problem, Status

OLDEST_VERSION = (6, 2)
"""Of Redis; Valkey names the version of Redis that it is compatible with."""

ALMOST_FULL = 0.9
"""The part of what the broker may use from which on that is told."""

BROKER_CURE = _(
    "Start the broker, or correct BROKER_URL (host, port, password). All hosts of a "
    "deployment use the same broker. `scripts/run` starts its own."
)


def look_at_broker() -> Outcome:
    """Look whether the broker answers, keeps messages on disk, drops none, and has room."""
    registry = in_flight(current_app._get_current_object())  # type: ignore[attr-defined]
    if registry is None:  # in memory, or not a Redis server
        with CELERY.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            return Outcome(str(connection.transport_cls))
    client = registry.client
    info = _info(client)
    settings = _settings(client)
    name = "Valkey" if info.get("server_name") == "valkey" else "Redis"
    version = info.get("valkey_version") or info.get("redis_version") or ""
    facts = [
        f"{name} {version}".strip(),
        _persistence(info, settings),
        _policy(info, settings),
    ]
    if most := int(info.get("maxmemory") or 0):
        facts.append(f"{_mib(info['used_memory'])} of {_mib(most)} MiB")
    return Outcome(", ".join(filter(None, facts)), list(_problems(info, settings)))


def _info(client: Redis) -> Mapping[str, Any]:
    """Return what the server tells about itself; nothing where the account may not ask."""
    try:
        return dict(client.info("everything"))
    except NoPermissionError:
        client.ping()
        return {}


def _settings(client: Redis) -> Mapping[Any, Any]:
    """Return the settings of the server; none where it does not tell them."""
    try:
        return dict(client.config_get("save", "maxmemory-policy"))
    except ResponseError:  # services that are rented forbid CONFIG
        return {}


def _persistence(info: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    if info.get("aof_enabled"):
        return "append-only file"
    return "snapshots" if settings.get("save") else ""


def _policy(info: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    return str(info.get("maxmemory_policy") or settings.get("maxmemory-policy") or "")


def _mib(size: Any) -> int:
    return int(size) // (1024 * 1024)


def _problems(info: Mapping[str, Any], settings: Mapping[str, str]) -> Iterator[Problem]:
    version = str(info.get("redis_version", ""))
    if version and tuple(map(int, version.split(".")[:2])) < OLDEST_VERSION:
        yield Problem(
            _("too old"),
            _("The server version is %(version)s.", version=version),
            _("Install Redis 6.2 or newer, or any Valkey."),
        )
    if info.get("role") == "slave":
        yield Problem(
            _("read-only replica"),
            _("BROKER_URL points to a replica, which accepts no messages."),
            _("Correct BROKER_URL so that it points to the primary."),
            Status.UNAVAILABLE,
        )
    if not info.get("aof_enabled") and settings.get("save") == "":
        yield Problem(
            _("no persistence"),
            _(
                "The server writes neither an append-only file nor snapshots, so a "
                "restart loses all queued messages, and their tasks fail."
            ),
            _(
                "Set `appendonly yes` in its configuration (`CONFIG SET appendonly "
                "yes`, then `CONFIG REWRITE`), and keep its data on a volume."
            ),
        )
    for key in ("aof_last_write_status", "rdb_last_bgsave_status"):
        if info.get(key, "ok") != "ok":
            yield Problem(
                _("cannot write to its disk"),
                _("The server reports “%(key)s: %(value)s”.", key=key, value=info[key]),
                _(
                    "Check its log, free up disk space, and check the permissions of "
                    "its folder."
                ),
            )
    policy = _policy(info, settings)
    if policy not in ("", "noeviction"):
        yield Problem(
            _("may drop messages"),
            _(
                "The eviction policy is %(policy)s, so the server drops task messages "
                "when its memory is full.",
                policy=policy,
            ),
            _(
                "Set `maxmemory-policy noeviction` in its configuration "
                "(`CONFIG SET maxmemory-policy noeviction`, then `CONFIG REWRITE`)."
            ),
        )
    yield from _limits(info)


def _limits(info: Mapping[str, Any]) -> Iterator[Problem]:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory") or 0)
    if most and used > ALMOST_FULL * most:
        yield Problem(
            _("memory almost full"),
            _(
                "The server uses %(used)s of %(most)s MiB.",
                used=_mib(used),
                most=_mib(most),
            ),
            _("Increase `maxmemory`, or start more workers to shorten the queues."),
        )
    clients, most = int(info.get("connected_clients", 0)), int(info.get("maxclients", 0))
    if most and clients > ALMOST_FULL * most:
        yield Problem(
            _("few connections left"),
            _(
                "%(clients)s of %(most)s connections are in use.",
                clients=clients,
                most=most,
            ),
            _("Increase `maxclients` on the server."),
        )
