"""The states of a task, and which may follow which."""

from enum import StrEnum

__all__ = ["LEGAL", "OPEN", "TERMINAL", "State", "sources_of", "state_of_end"]


class State(StrEnum):
    """What a task does. Clients see it beside the status, which is coarser.

    Attributes:
        WAITING: nothing of it is in flight: it waits for a person, a webhook, another runner.
        QUEUED: a message is on its way to a worker.
        RUNNING: a worker has begun.
        CANCELLING: it was asked to stop; it runs until it notices.
        SUCCEEDED: ended well.
        FAILED: ended with an error.
        LOST: ended because the work was lost with a worker or the broker.
        CANCELLED: ended because it was asked to.
    """

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"


_ENDS = frozenset({State.SUCCEEDED, State.FAILED, State.LOST, State.CANCELLED})

LEGAL: dict[State, frozenset[State]] = {
    State.WAITING: _ENDS | {State.QUEUED, State.CANCELLING},
    # Straight to the end: work that is done within a second is never seen to run. To itself, and
    # from running: another attempt.
    State.QUEUED: _ENDS | {State.QUEUED, State.RUNNING, State.WAITING, State.CANCELLING},
    State.RUNNING: _ENDS | {State.WAITING, State.QUEUED, State.CANCELLING},
    # Whatever end is asked for, it is written as cancelled.
    State.CANCELLING: frozenset({State.CANCELLING, State.CANCELLED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.LOST: frozenset(),
    State.CANCELLED: frozenset(),
}
"""The states that may follow each state."""

TERMINAL = frozenset(state for state, following in LEGAL.items() if not following)
OPEN = frozenset(LEGAL) - TERMINAL


def sources_of(state: State) -> frozenset[State]:
    """Return the states that this one may follow."""
    return frozenset(source for source, following in LEGAL.items() if state in following)


def state_of_end(task_status: str | None) -> State:
    """Return the state of a task that a plugin has ended with this status."""
    return State.SUCCEEDED if task_status == "SUCCESS" else State.FAILED
