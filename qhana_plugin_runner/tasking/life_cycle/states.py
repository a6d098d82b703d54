"""The states of a task that may follow each other."""

from ...db.models.task_state import TaskState

__all__ = ["LEGAL", "OPEN", "TERMINAL", "TaskState", "sources_of", "state_of_end"]


_ENDS = frozenset(
    {TaskState.SUCCEEDED, TaskState.FAILED, TaskState.LOST, TaskState.CANCELLED}
)

LEGAL: dict[TaskState, frozenset[TaskState]] = {
    TaskState.WAITING: _ENDS | {TaskState.QUEUED, TaskState.CANCELLING},
    # Straight to the end: work that is done within a second is never seen to run. To itself, and
    # from running: another attempt.
    TaskState.QUEUED: _ENDS
    | {TaskState.QUEUED, TaskState.RUNNING, TaskState.WAITING, TaskState.CANCELLING},
    TaskState.RUNNING: _ENDS
    | {TaskState.WAITING, TaskState.QUEUED, TaskState.CANCELLING},
    # Whatever end is asked for, it is written as cancelled.
    TaskState.CANCELLING: frozenset({TaskState.CANCELLING, TaskState.CANCELLED}),
    TaskState.SUCCEEDED: frozenset(),
    TaskState.FAILED: frozenset(),
    TaskState.LOST: frozenset(),
    TaskState.CANCELLED: frozenset(),
}
"""The states that may follow each state."""

TERMINAL = frozenset(state for state, following in LEGAL.items() if not following)
OPEN = frozenset(LEGAL) - TERMINAL


def sources_of(state: TaskState) -> frozenset[TaskState]:
    """Return the states that this one may follow."""
    return frozenset(source for source, following in LEGAL.items() if state in following)


def state_of_end(task_status: str | None) -> TaskState:
    """Return the state of a task that a plugin has ended with this status."""
    return TaskState.SUCCEEDED if task_status == "SUCCESS" else TaskState.FAILED
