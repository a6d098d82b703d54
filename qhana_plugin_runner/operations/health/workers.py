"""The check of the workers: who is there, what they know, and what they take."""

from collections.abc import Iterable, Iterator, Mapping

from flask import current_app
from flask_babel import lazy_gettext as _
from redis.exceptions import RedisError

from ...celery import CELERY
from ...plugins.loading import loaded_plugins
from ...tasking.broker import in_flight
from ...tasking.in_flight import Introduction
from ...tasking.queues import queue_of
from ...version import runner_version
from ...worker.broker_queues import Backlog, Queues
from .result import Outcome, Problem, Status

PING_TIMEOUT = 0.6
"""Seconds that workers have to answer; idle ones take some 0.01 s, those on a busy host 0.1 s."""

_START = _("Start a worker: `invoke worker`, on this host or another one.")


def live_introductions() -> list[Introduction] | None:
    """Return what the workers tell that live; ``None`` when the broker is not a Redis server."""
    registry = in_flight(current_app._get_current_object())  # type: ignore[attr-defined]
    if registry is None:
        return None
    return [each for each in registry.introductions().values() if each.is_alive]


def introductions_if_any() -> list[Introduction]:
    """Return what the workers tell; nothing while the broker is away, which another check tells."""
    try:
        return live_introductions() or []
    except RedisError:
        return []


def backlogs(queues: Iterable[str]) -> dict[str, Backlog]:
    """Return what waits in each of these queues; nothing when the broker is not a Redis server."""
    registry = in_flight(current_app._get_current_object())  # type: ignore[attr-defined]
    return {} if registry is None else Queues(registry).backlogs(queues)


def look_at_workers() -> Outcome:
    """Look which workers live, and whether they know the plugins of the web server."""
    workers = live_introductions()
    if workers is None:
        # One answer is enough, waiting for more would take the whole time-out each time.
        ping = CELERY.control.broadcast("ping", reply=True, timeout=PING_TIMEOUT, limit=1)
        return Outcome("", [] if ping else [_no_worker()])
    if not workers:
        return Outcome(problems=[_no_worker()])
    at_work = sum(each.at_work for each in workers)
    facts = _("%(count)s alive, %(tasks)s tasks", count=len(workers), tasks=at_work)
    return Outcome(facts, list(_differences(workers)))


def _no_worker() -> Problem:
    return Problem(
        _("no response: not started, or too busy"),
        _("No worker has sent a heartbeat recently."),
        _START,
        Status.UNAVAILABLE,
    )


def plugins_with_tasks() -> list[str]:
    """Return the plugins of this process that have Celery tasks."""
    owners = {name.partition(".")[0] for name in CELERY.tasks}
    return sorted(owners.intersection(loaded_plugins().mounted))


def _queue(plugin: str) -> str:
    queues: Mapping[str, str] = current_app.config["TASK_QUEUES"]
    return queue_of(plugin, queues.items()) or str(CELERY.conf.task_default_queue)


def _differences(workers: list[Introduction]) -> Iterator[Problem]:
    plugins = plugins_with_tasks()
    for worker in workers:
        about = worker.about
        if "plugins" not in about:
            yield Problem(
                _("older version"),
                _("A worker reports no details about itself."),
                _("Finish the upgrade: restart it with the version of the web server."),
                Status.OK,
            )
            continue
        known, queues = set(about["plugins"]), set(about["queues"])
        missing = [p for p in plugins if p not in known and _queue(p) in queues]
        if missing:
            yield Problem(
                _("plugins missing"),
                _(
                    "The worker %(name)s receives tasks of plugins that it does not "
                    "have, so they fail: %(plugins)s.",
                    name=about["name"],
                    plugins=", ".join(missing),
                ),
                _(
                    "Restart it with the PLUGIN_FOLDERS and packages of the web server "
                    "(`flask install`), or route these tasks elsewhere with "
                    "TASK_QUEUES."
                ),
            )
        if about["version"] != runner_version():
            yield Problem(
                _("different version"),
                _(
                    "The worker %(name)s runs version %(version)s.",
                    name=about["name"],
                    version=about["version"],
                ),
                _("Finish the upgrade: restart it with the version of the web server."),
                Status.OK,
            )


def look_at_queues() -> Outcome:
    """Look whether some worker takes from each queue."""
    workers = live_introductions()
    if workers is None:
        return Outcome()
    taken = {queue for each in workers for queue in each.about.get("queues", ())}
    names = {str(CELERY.conf.task_default_queue), *CELERY.amqp.queues, *taken}
    waiting = backlogs(sorted(names))
    facts = ", ".join(f"{name}: {each.messages}" for name, each in waiting.items())
    if not workers or any("queues" not in each.about for each in workers):
        return Outcome(facts)  # the check of the workers tells it, or nobody knows
    needed = {str(CELERY.conf.task_default_queue), *map(_queue, plugins_with_tasks())}
    return Outcome(
        facts,
        [
            _not_taken(name, waiting[name].messages)
            for name in sorted(names - taken)
            if waiting[name].messages or name in needed
        ],
    )


def _not_taken(queue: str, length: int) -> Problem:
    return Problem(
        _("queue without a worker"),
        _(
            "No worker consumes the queue %(queue)s, which contains %(length)s messages.",
            queue=queue,
            length=length,
        ),
        _(
            "Start a worker for it (`invoke worker --queues %(queue)s`), or correct "
            "TASK_QUEUES or CELERY_QUEUE, which must be the same for all processes.",
            queue=queue,
        ),
    )
