"""Which queue the tasks of each plugin go to, so that some workers can be kept for some plugins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from kombu.entity import Exchange, Queue


def queue_settings(queues: Mapping[str, str], default: str) -> dict[str, Any]:
    """Return the settings of Celery that send tasks to these queues.

    A worker that is not told its queues takes from all of them.

    Args:
        queues: patterns of plugin identifiers, as in file names, with their queues; the first
            that fits is taken
        default: the queue of all other tasks, and of the runner's own
    """
    if not queues:
        return {}
    names = dict.fromkeys([default, *queues.values()])
    return {
        "task_routes": (_Router(tuple(queues.items())),),
        "task_queues": [_queue(name) for name in names],
    }


def _queue(name: str) -> Queue:
    exchange = Exchange(name)  # type: ignore[no-untyped-call]
    return Queue(name, exchange, routing_key=name)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)  # so that equal settings are seen to be equal
class _Router:
    """Tells Celery where a task goes."""

    queues: tuple[tuple[str, str], ...]

    def __call__(self, name: str, *_args: Any, **_options: Any) -> dict[str, str] | None:
        identifier, dot, _task = name.partition(".")
        if not dot or "@" not in identifier:
            return None
        queue = queue_of(identifier, self.queues)
        return None if queue is None else {"queue": queue}


def queue_of(identifier: str, queues: Iterable[tuple[str, str]]) -> str | None:
    """Return the queue of a plugin; ``None`` for the default one."""
    return next((q for pattern, q in queues if fnmatchcase(identifier, pattern)), None)
